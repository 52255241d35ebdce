/** A field of covered cells, some of them mined. */
export const minesBoard = String.raw`
let current;
const cells = Array.from({ length: setup.rules.cells }, (_, index) => {
  const cell = element('button', { type: 'button', className: 'cell', disabled: true });
  cell.setAttribute('aria-label', 'cell ' + (index + 1));
  cell.onclick = () => post('/bets/' + current.id + '/act', { reveal: index });
  return cell;
});
const worth = element('p', { className: 'quiet', textContent: 'Find safe cells and cash out before a mine: '
  + setup.rules.mines + ' of ' + setup.rules.cells + ' are mined.' });
$('board').append(element('div', { className: 'stage' }, element('div', { className: 'field' }, ...cells), worth));
$('take').onclick = () => post('/bets/' + current.id + '/act', { take: true });

Object.assign(board, {
  describe: (ticket) => ticket.stake + ' ' + setup.currency + ' · ' + ticket.face.opened.length + ' opened, × '
    + ticket.face.multiplier,
  refresh: (ticket, card) => { card.querySelector('.line').textContent = board.describe(ticket); },
  show(ticket) {
    current = ticket;
    const live = ticket !== undefined && ticket.status === 'running' && !ticket.face.mines;
    const { opened = [], mines = [] } = ticket ? ticket.face : {};
    cells.forEach((cell, index) => {
      const mine = (mines || []).includes(index);
      const safe = opened.includes(index) && !mine;
      cell.className = 'cell' + (mine ? ' mine' : safe ? ' safe' : '');
      cell.textContent = mine ? '✸' : safe ? '◆' : '';
      cell.disabled = !live || safe;
    });
    $('take').hidden = !live || opened.length === 0;
    if (!live) return;
    $('take').textContent = 'Cash out × ' + ticket.face.multiplier;
    worth.textContent = 'The next safe cell makes it × ' + ticket.face.next + '.';
  },
});
`;
