/** Something rises until it crashes: the rocket straight up, the other along a curve. */
export const flightBoard = String.raw`
let current;
const SVG = 'http://www.w3.org/2000/svg';
const drawn = (tag, attributes) => {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
};
const straight = setup.kind === 'rocket';
const sky = drawn('svg', { class: 'sky', viewBox: '0 0 400 180', 'aria-hidden': 'true' });
const trail = drawn('path', { d: '' });
const tip = straight
  ? drawn('path', { class: 'tip', d: 'M0 -16 C8 -8 8 4 6 10 L12 18 L0 13 L-12 18 L-6 10 C-8 4 -8 -8 0 -16 Z' })
  : drawn('circle', { class: 'tip', r: 7 });
sky.append(trail, tip);
const figure = element('p', { className: 'multiplier', textContent: '× 1.00' });
$('board').append(element('div', { className: 'stage' }, figure, sky));
$('take').onclick = () => post('/bets/' + current.id + '/act', { take: true });

function draw(ticks) {
  const way = Math.min(1, ticks / 150);
  const at = (part) => straight ? [200, 160 - 135 * part] : [20 + 360 * part, 165 - 145 * part * part];
  const points = Array.from({ length: 31 }, (_, step) => at((way * step) / 30).map((each) => each.toFixed(1)).join(' '));
  trail.setAttribute('d', 'M' + points.join(' L'));
  tip.setAttribute('transform', 'translate(' + at(way).join(' ') + ')');
}
draw(0);

Object.assign(board, {
  describe: (ticket) => ticket.stake + ' ' + setup.currency + (ticket.face.state === 'waiting' ? ''
    : ' · × ' + ticket.face.multiplier + (ticket.face.state === 'crashed' ? ' and down' : '')),
  refresh: (ticket, card) => { card.querySelector('.line').textContent = board.describe(ticket); },
  show(ticket) {
    current = ticket;
    const flying = ticket !== undefined && ticket.status === 'running' && ticket.face.state === 'flying';
    $('take').hidden = !flying;
    if (!ticket) return;
    figure.textContent = '× ' + ticket.face.multiplier;
    figure.className = 'multiplier ' + ticket.face.state;
    draw(ticket.face.ticks);
    if (flying) $('take').textContent = 'Cash out × ' + ticket.face.multiplier;
  },
});
`;
