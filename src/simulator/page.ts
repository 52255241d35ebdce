import type { PageKind } from '../adapters/provider-side.js';
import { faultKinds, faultWords } from './faults.js';
import { betSlipBoard } from './page-boards/bet-slip.js';
import { flightBoard } from './page-boards/flight.js';
import { minesBoard } from './page-boards/mines.js';
import { slotBoard } from './page-boards/slot.js';
import { pageScript } from './page-script.js';
import { pageStyle } from './page-style.js';

export interface PlaySetup {
  /** Names this page in its calls to the simulator. */
  readonly key: string;
  readonly title: string;
  /** Name of the game; undefined where the provider is one game. */
  readonly name: string | undefined;
  readonly player: string;
  readonly currency: string;
  readonly callbackUrl: string;
  readonly kind: PageKind;
  readonly rules: Readonly<Record<string, unknown>>;
}

/** What makes the pages differ: the words on them, and a script that draws the game. */
const kinds: Record<PageKind, { readonly place: string; readonly rounds: string; readonly board: string }> = {
  'bet-slip': { place: 'Place bet', rounds: 'Your bets', board: betSlipBoard },
  slot: { place: 'Spin', rounds: 'Your spins', board: slotBoard },
  mines: { place: 'Start', rounds: 'Your rounds', board: minesBoard },
  rocket: { place: 'Lift off', rounds: 'Your flights', board: flightBoard },
  crash: { place: 'Take off', rounds: 'Your flights', board: flightBoard },
};

/** The page: one self-contained document, no outside resources, so that it works offline. */
export function playPage(nonce: string, setup: PlaySetup): string {
  const { place, rounds, board } = kinds[setup.kind];
  // "<" is escaped, so that no text of a player's can end the script element.
  const json = JSON.stringify({ ...setup, faultWords }).replaceAll('<', '\\u003c');
  const mishaps = faultKinds.map((each) => `<option value="${each}">${faultWords[each]}</option>`).join('');
  return document(
    nonce,
    'Simulated game',
    `<header>
  <h1><span id="title"></span> <small>simulated</small></h1>
  <p><b id="player"></b> plays in <b id="currency"></b><span id="told" hidden> · balance as told by the casino <b id="balance"></b></span></p>
</header>
<main class="${setup.kind}">
  <section id="board" aria-label="Game"></section>
  <form id="slip" class="card" novalidate>
    <p id="picked" hidden></p>
    <div class="row">
      <label>Stake <input id="stake" inputmode="decimal" autocomplete="off" value="5.00"></label>
      <button id="place">${place}</button>
      <button id="take" type="button" hidden>Cash out</button>
    </div>
    <p id="hint" role="status"></p>
  </form>
  <section aria-labelledby="tickets-title">
    <h2 id="tickets-title">${rounds}</h2>
    <p class="quiet" id="no-tickets">None yet. The casino keeps the balance; this page knows what it is told.</p>
    <div id="tickets" aria-live="polite"></div>
  </section>
  <section aria-labelledby="traffic-title">
    <h2 id="traffic-title">What the provider and the gateway said</h2>
    <p class="quiet">To <code id="callback-url"></code>, newest first.</p>
    <p><label class="quiet">From now on <select id="mishap"><option value="">nothing goes wrong</option>${mishaps}</select></label></p>
    <div id="traffic"></div>
  </section>
</main>
<script nonce="${nonce}">const setup = ${json};
${pageScript}
${board}
follow();</script>`,
  );
}

/** Shown for launch URLs that were opened elsewhere, or never given out. */
export function closedPage(nonce: string): string {
  return document(
    nonce,
    'Session closed',
    `<main><section class="card">
  <h1>This session is closed</h1>
  <p>A launch URL opens once, within five minutes; only the browser it opened in may reload it. Launch the game again to get a new one.</p>
</section></main>`,
  );
}

function document(nonce: string, title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style nonce="${nonce}">${pageStyle}</style>
</head>
<body>
${body}
</body>
</html>
`;
}
