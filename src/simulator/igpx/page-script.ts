/**
 * Script of the betting page. It only shows what the simulator says and sends what the player wants: stakes and payouts
 * are worked out by the simulator. All text is set as text, never as HTML. `setup` stands before it in the page.
 */
export const playScript = String.raw`
const $ = (id) => document.getElementById(id);
const base = '/sessions/' + setup.key;
const labels = { 1: 'home', X: 'draw', 2: 'away' };
const states = { placing: 'placing', running: 'live', settling: 'settling', won: 'won', lost: 'lost', refused: 'declined',
  voiding: 'voiding', void: 'void', unanswered: 'unanswered' };
let picked;

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const teams = (match) => match.home + ' – ' + match.away;
const meaning = (match, selection) => ({ 1: match.home + ' wins', X: 'draw', 2: match.away + ' wins' })[selection];

$('player').textContent = setup.player;
$('currency').textContent = setup.currency;
$('callback-url').textContent = setup.callbackUrl;

for (const match of setup.matches) {
  const buttons = Object.keys(labels).sort((a, b) => '1X2'.indexOf(a) - '1X2'.indexOf(b)).map((selection) => {
    const button = element('button', { type: 'button', className: 'odds' },
      element('span', { textContent: selection }), match.odds[selection]);
    button.setAttribute('aria-pressed', 'false');
    button.setAttribute('aria-label', teams(match) + ', ' + labels[selection] + ', odds ' + match.odds[selection]);
    button.dataset.pick = match.id + selection;
    button.onclick = () => pick(match, selection, button);
    return button;
  });
  $('matches').append(element('div', { className: 'card row' },
    element('div', { className: 'grow', textContent: teams(match) }),
    element('div', { className: 'row' }, ...buttons)));
}

function pick(match, selection, button) {
  for (const other of document.querySelectorAll('.odds')) other.setAttribute('aria-pressed', String(other === button));
  picked = { match, selection };
  $('picked').textContent = teams(match) + ': ' + meaning(match, selection) + ', at ' + match.odds[selection];
  $('place').disabled = false;
}

async function post(path, body) {
  try {
    const response = await fetch(base + path, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
    });
    $('hint').textContent = response.ok ? '' : (await response.json()).error;
  } catch {
    $('hint').textContent = 'The simulator does not answer.';
  }
}

$('slip').onsubmit = async (event) => {
  event.preventDefault();
  if (!picked) return;
  $('place').disabled = true;
  const stake = $('stake').value.trim();
  await post('/bets', { match: picked.match.id, selection: picked.selection, stake });
  $('place').disabled = false;
};

function showTicket(ticket) {
  const match = setup.matches.find(({ id }) => id === ticket.match);
  const canVoid = ['running', 'won', 'lost'].includes(ticket.status);
  const line = element('div', { className: 'row' },
    element('div', { className: 'grow' }, element('div', { textContent: teams(match) }),
      element('div', { className: 'quiet', textContent: meaning(match, ticket.selection) + ', at ' + ticket.odds + ' · '
        + ticket.stake + ' ' + setup.currency + ' pays ' + ticket.payout })),
    element('span', { className: 'score', textContent: ticket.score, hidden: ticket.status === 'refused' }),
    element('span', { className: 'badge ' + ticket.status, 
      textContent: states[ticket.status] + (ticket.status === 'won' ? ' ' + ticket.payout : '') }));
  if (canVoid) {
    line.append(element('button', { type: 'button', textContent: 'Void', title: 'Take the bet back, as a provider does when a match is called off', onclick: () => post('/bets/' + ticket.id + '/void', {}) }));
  }
  const card = element('div', { className: 'card' }, line);
  if (ticket.status === 'running') {
    const bar = element('progress', { max: 90, value: ticket.minute });
    bar.setAttribute('aria-label', 'minute ' + ticket.minute);
    card.append(bar);
  }
  if (ticket.note) card.append(element('p', { className: 'quiet', textContent: ticket.note }));
  return card;
}

function showRecord(record) {
  const answered = 'status' in record.outcome;
  const answer = answered ? 'HTTP ' + record.outcome.status + '\n\n' + record.outcome.body
    : 'no answer: ' + record.outcome.fault;
  const headers = Object.entries(record.headers).map(([name, value]) => name + ': ' + value).join('\n');
  const request = 'POST ' + record.path + '\n' + headers + '\n\n' + record.body;
  const details = element('details', {},
    element('summary', { textContent: '#' + record.number + ' ' + record.what + ', attempt ' + record.attempt + ' → '
      + (answered ? record.outcome.body : answer) + ' (' + record.durationMs.toFixed(1) + ' ms)' }),
    element('pre', { textContent: request }), element('pre', { textContent: answer }));
  return details;
}

// A card is only rebuilt when its bet's status changes: a button that is replaced while it is pressed loses the click.
const cards = new Map();
function updateTicket(ticket) {
  const known = cards.get(ticket.id);
  if (known && known.status === ticket.status && known.note === ticket.note) {
    known.card.querySelector('.score').textContent = ticket.score;
    const bar = known.card.querySelector('progress');
    if (bar) bar.value = ticket.minute;
    return;
  }
  const card = showTicket(ticket);
  if (known) known.card.replaceWith(card);
  else $('tickets').prepend(card);
  cards.set(ticket.id, { card, status: ticket.status, note: ticket.note });
}

const shown = new Set();
const events = new EventSource(base + '/events');
events.onmessage = ({ data }) => {
  const { tickets, traffic } = JSON.parse(data);
  $('no-tickets').hidden = tickets.length > 0;
  for (const ticket of tickets.toReversed()) updateTicket(ticket);
  for (const record of traffic.toReversed()) {
    if (shown.has(record.number)) continue;
    shown.add(record.number);
    const made = showRecord(record);
    made.open = shown.size === 1;
    $('traffic').prepend(made);
  }
};
events.onerror = () => {
  $('hint').textContent = 'The connection to the simulator was lost.';
};
events.onopen = () => {
  $('hint').textContent = '';
};
`;
