/** Matches with their odds; several bets may run at once. */
export const betSlipBoard = String.raw`
const labels = { 1: 'home', X: 'draw', 2: 'away' };
const teams = (match) => match.home + ' – ' + match.away;
const meaning = (match, selection) => ({ 1: match.home + ' wins', X: 'draw', 2: match.away + ' wins' })[selection];
const matchOf = ({ face }) => setup.rules.matches.find(({ id }) => id === face.match);
let picked;

$('picked').hidden = false;
$('picked').textContent = 'Choose a result above: 1 home wins, X draw, 2 away wins.';
$('place').disabled = true;
for (const match of setup.rules.matches) {
  const buttons = ['1', 'X', '2'].map((selection) => {
    const button = element('button', { type: 'button', className: 'odds' },
      element('span', { textContent: selection }), match.odds[selection]);
    button.setAttribute('aria-pressed', 'false');
    button.setAttribute('aria-label', teams(match) + ', ' + labels[selection] + ', odds ' + match.odds[selection]);
    button.onclick = () => pick(match, selection, button);
    return button;
  });
  $('board').append(element('div', { className: 'card row' },
    element('div', { className: 'grow', textContent: teams(match) }),
    element('div', { className: 'row' }, ...buttons)));
}

function pick(match, selection, button) {
  for (const other of document.querySelectorAll('.odds')) other.setAttribute('aria-pressed', String(other === button));
  picked = { match: match.id, selection };
  $('picked').textContent = teams(match) + ': ' + meaning(match, selection) + ', at ' + match.odds[selection];
  $('place').disabled = false;
}

Object.assign(board, {
  oneAtATime: false,
  wish: () => picked,
  head: (ticket) => element('div', { textContent: teams(matchOf(ticket)) }),
  describe: (ticket) => meaning(matchOf(ticket), ticket.face.selection) + ', at ' + ticket.face.odds + ' · ' + ticket.stake
    + ' ' + setup.currency + ' pays ' + ticket.face.pays,
  aside: (ticket) => element('span', { className: 'score', textContent: ticket.face.score,
    hidden: ticket.status === 'refused' }),
  below(ticket) {
    const bar = element('progress', { max: 90, value: ticket.face.minute });
    bar.setAttribute('aria-label', 'minutes played');
    return bar;
  },
  refresh({ face }, card) {
    card.querySelector('.score').textContent = face.score;
    const bar = card.querySelector('progress');
    if (bar) bar.value = face.minute;
  },
});
`;
