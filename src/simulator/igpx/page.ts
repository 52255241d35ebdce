import type { Match } from './matches.js';
import { playScript } from './page-script.js';
import { playStyle } from './page-style.js';

export interface PlayPage {
  readonly nonce: string;
  /** Names this page in its calls to the simulator. */
  readonly key: string;
  readonly player: string;
  readonly currency: string;
  readonly language: string | undefined;
  readonly callbackUrl: string;
  readonly matches: readonly Match[];
}

/** The betting page: one self-contained document, no outside resources, so that it works offline. */
export function playPage({ nonce, ...setup }: PlayPage): string {
  // "<" is escaped, so that no text of a player's can end the script element.
  const json = JSON.stringify(setup).replaceAll('<', '\\u003c');
  return document(
    nonce,
    'Sportsbook',
    `<header>
  <h1>Pitchside <small>simulated sportsbook</small></h1>
  <p>Playing as <b id="player"></b> in <b id="currency"></b></p>
</header>
<main>
  <section aria-labelledby="matches-title">
    <h2 id="matches-title">Matches</h2>
    <div id="matches"></div>
  </section>
  <form id="slip" class="card" novalidate>
    <h2>Bet slip</h2>
    <p id="picked">Choose a result above: 1 home wins, X draw, 2 away wins.</p>
    <div class="row">
      <label>Stake <input id="stake" inputmode="decimal" autocomplete="off" value="5.00"></label>
      <button id="place" disabled>Place bet</button>
    </div>
    <p id="hint" role="status"></p>
  </form>
  <section aria-labelledby="tickets-title">
    <h2 id="tickets-title">Your bets</h2>
    <p class="quiet" id="no-tickets">None yet. A match takes a few seconds. The casino keeps your balance; this page never sees it.</p>
    <div id="tickets" aria-live="polite"></div>
  </section>
  <section aria-labelledby="traffic-title">
    <h2 id="traffic-title">What the provider and the gateway said</h2>
    <p class="quiet">Callbacks go to <code id="callback-url"></code>, signed over their exact bytes. Newest first.</p>
    <div id="traffic"></div>
  </section>
</main>
<script nonce="${nonce}">const setup = ${json};
${playScript}</script>`,
  );
}

/** Shown for launch URLs that were opened before, or never given out. */
export function closedPage(nonce: string): string {
  return document(
    nonce,
    'Session closed',
    `<main><section class="card">
  <h1>This session is closed</h1>
  <p>A launch URL opens once, within five minutes. Launch the game again to get a new one.</p>
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
<style nonce="${nonce}">${playStyle}</style>
</head>
<body>
${body}
</body>
</html>
`;
}
