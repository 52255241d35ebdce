/**
 * What the scripts of all pages share. A page only shows what the simulator says and sends what the player wants: stakes
 * and payouts are worked out by the simulator. All text is set as text, never as HTML. `setup` stands before it in the page;
 * the board of the game comes after it and fills in `board`.
 */
export const pageScript = String.raw`
const $ = (id) => document.getElementById(id);
const base = '/sessions/' + setup.key;
const states = { placing: 'placing', running: 'live', settling: 'settling', won: 'won', lost: 'lost', refused: 'declined',
  voiding: 'voiding', void: 'void', unanswered: 'unanswered' };
const busy = ['placing', 'running', 'settling', 'voiding'];
/** wish(): what a bet says beside its stake; describe(ticket): a line of text; show(ticket, tickets): draws the game. */
const board = { oneAtATime: true, wish: () => ({}), describe: () => '', show() {} };

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

async function post(path, body) {
  try {
    const response = await fetch(base + path, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
    });
    $('hint').textContent = response.ok ? '' : (await response.json()).error;
    return response.ok;
  } catch {
    $('hint').textContent = 'The simulator does not answer.';
    return false;
  }
}

$('title').textContent = setup.title + (setup.name ? ': ' + setup.name : '');
$('player').textContent = setup.player;
$('currency').textContent = setup.currency;
$('callback-url').textContent = setup.callbackUrl;

$('slip').onsubmit = async (event) => {
  event.preventDefault();
  if ($('place').disabled) return;
  $('place').disabled = true;
  const placed = await post('/bets', { ...board.wish(), stake: $('stake').value.trim() });
  if (!placed || !board.oneAtATime) $('place').disabled = false;
};
$('mishap').onchange = () => post('/mishap', { fault: $('mishap').value || null });

function showTicket(ticket) {
  const line = element('div', { className: 'row' },
    element('div', { className: 'grow' }, ...(board.head ? [board.head(ticket)] : []),
      element('div', { className: 'quiet line', textContent: board.describe(ticket) })),
    ...(board.aside ? [board.aside(ticket)] : []),
    element('span', { className: 'badge ' + ticket.status,
      textContent: states[ticket.status] + (ticket.status === 'won' ? ' ' + ticket.payout : '') }));
  if (ticket.voidable) {
    line.append(element('button', { type: 'button', textContent: 'Void',
      title: 'Take the bet back, as a provider does when a match is called off',
      onclick: () => post('/bets/' + ticket.id + '/void', {}) }));
  }
  const card = element('div', { className: 'card' }, line);
  if (board.below && ticket.status === 'running') card.append(board.below(ticket));
  if (ticket.note) card.append(element('p', { className: 'quiet', textContent: ticket.note }));
  return card;
}

// A card is only rebuilt when its bet's status changes: a button that is replaced while it is pressed loses the click.
const cards = new Map();
function updateTicket(ticket) {
  const known = cards.get(ticket.id);
  if (known && known.status === ticket.status && known.note === ticket.note) {
    if (board.refresh) board.refresh(ticket, known.card);
    return;
  }
  const card = showTicket(ticket);
  if (known) known.card.replaceWith(card);
  else $('tickets').prepend(card);
  cards.set(ticket.id, { card, status: ticket.status, note: ticket.note });
}

function showRecord(record) {
  const summary = element('summary', {
    textContent: '#' + record.number + ' ' + record.what + ', attempt ' + record.attempt + ' → ' + record.short + ' ('
      + record.durationMs.toFixed(1) + ' ms)' });
  if (record.fault) {
    summary.append(element('span', { className: 'badge refused', textContent: setup.faultWords[record.fault] }));
  }
  return element('details', {}, summary,
    element('pre', { textContent: record.request }),
    element('pre', { textContent: record.answer + (record.meaning ? '\n\nThe provider takes it for: ' + record.meaning : '') }));
}

function showState({ tickets, balance, mishap }) {
  $('no-tickets').hidden = tickets.length > 0;
  $('told').hidden = balance === null;
  $('balance').textContent = balance === null ? '' : balance + ' ' + setup.currency;
  $('mishap').value = mishap || '';
  for (const ticket of tickets.toReversed()) updateTicket(ticket);
  for (const [id, { card }] of cards) {
    if (tickets.some((ticket) => ticket.id === id)) continue;
    card.remove();
    cards.delete(id);
  }
  if (board.oneAtATime) $('place').disabled = tickets.some(({ status }) => busy.includes(status));
  board.show(tickets[0], tickets);
}

const shown = new Set();
function showTraffic(record) {
  if (shown.has(record.number)) return;
  shown.add(record.number);
  const made = showRecord(record);
  made.open = shown.size === 1;
  $('traffic').prepend(made);
  while ($('traffic').children.length > 60) $('traffic').lastElementChild.remove();
}

// A browser has six connections for all pages of one address: a page that nobody sees must not hold one. The stream begins
// with all there is to know, so nothing is missed.
let events;
function follow() {
  if (events) events.close();
  events = undefined;
  if (document.visibilityState === 'hidden') return;
  events = new EventSource(base + '/events');
  events.addEventListener('state', ({ data }) => showState(JSON.parse(data)));
  events.addEventListener('traffic', ({ data }) => showTraffic(JSON.parse(data)));
  events.onerror = () => {
    $('hint').textContent = 'The connection to the simulator was lost.';
  };
  events.onopen = () => {
    $('hint').textContent = '';
  };
}
document.addEventListener('visibilitychange', follow);
`;
