/** Three reels. */
export const slotBoard = String.raw`
const { symbols, three, two } = setup.rules;
const reels = [0, 1, 2].map((place) => element('span', { className: 'reel', textContent: symbols[place] }));
$('board').append(element('div', { className: 'stage' },
  element('div', { className: 'reels' }, ...reels),
  element('p', { className: 'quiet', textContent: 'Three alike pay '
    + symbols.map((symbol) => symbol + ' ' + three[symbol]).join('  ') + ' times the stake, two alike give it back.' })));

Object.assign(board, {
  describe: (ticket) => ticket.stake + ' ' + setup.currency + (ticket.face.reels ? ' · ' + ticket.face.reels.join(' ') : ''),
  refresh: (ticket, card) => { card.querySelector('.line').textContent = board.describe(ticket); },
  show(ticket) {
    const turning = ticket !== undefined && ['placing', 'running'].includes(ticket.status) && !ticket.face.reels;
    reels.forEach((reel, place) => {
      reel.classList.toggle('turning', turning);
      if (ticket && ticket.face.reels) reel.textContent = ticket.face.reels[place];
    });
  },
});
`;
