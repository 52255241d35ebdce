import { setTimeout as delay } from 'node:timers/promises';
import type { ProviderSide } from '../../adapters/provider-side.js';
import type { Policy } from '../../ledger/policy.js';
import { type FaultKind, faultKinds, type Faults } from '../faults.js';
import { type Random, seededRandom } from '../random.js';
import { createSender, type Exchange } from '../sender.js';
import { type Account, centsOf, openReckoning, type Reckoning, textOf } from './reckoning.js';
import { playRound } from './round.js';

export interface LoadOptions {
  readonly side: ProviderSide;
  /** The integration's. */
  readonly settings: unknown;
  readonly policy: Policy;
  /** When the gateway may decline a bet for want of time. */
  readonly deadlineMs: number;
  readonly callbackUrl: string;
  /** Funded, and played with by nobody else. */
  readonly players: readonly { readonly player: string; readonly balance: string }[];
  readonly currency: string;
  /** Rounds begun per second. */
  readonly rate: number;
  readonly seconds: number;
  readonly faults: Faults;
  /** Repeats the plan of every round; the moments still differ. */
  readonly seed: number;
  /** What all waits are multiplied by; a tenth unless told, as a run would else be spent waiting. */
  readonly patience?: number | undefined;
  /** Only where nobody used the integration before; unless told ids come from the clock. */
  readonly firstId?: number | undefined;
  /** Told each second. */
  readonly onSecond?: ((report: LoadReport) => void) | undefined;
  /** What the operator says each player has, at the end. */
  readonly balances: () => Promise<ReadonlyMap<string, string>>;
  /** What the operator's audit found wrong. */
  readonly audit: () => Promise<readonly string[]>;
}

export interface LoadReport {
  readonly seconds: number;
  readonly rounds: number;
  readonly sent: number;
  readonly accepted: number;
  readonly refused: number;
  /** Passing failures, and requests without an answer. */
  readonly failed: number;
  readonly retried: number;
  readonly faults: Readonly<Record<FaultKind, number>>;
  /** Milliseconds from a request to its answer. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly contradictions: readonly string[];
}

const TICK_MS = 5;
/** A gateway that falls behind is not buried. */
const ROUNDS_PER_PLAYER_MAX = 4;
const SOCKETS_MAX = 256;

/** Plays random rounds on a gateway, and holds everything it says against the provider's own books. */
export async function runLoad(options: LoadOptions): Promise<LoadReport> {
  const { side, settings, callbackUrl, players, currency, patience = 0.1, firstId } = options;
  const voice = side.voice(settings);
  const { timeoutMs } = side;
  const sender = createSender({ voice, callbackUrl, timeoutMs, socketsMax: SOCKETS_MAX, patience, firstId });
  const reckoning = openReckoning(options.deadlineMs);
  const tally = openTally(reckoning);
  const accounts = players.map(({ player, balance }) => reckoning.open(player, currency, centsOf(balance) ?? 0n));
  const { policy, faults } = options;
  const game = side.games[0]?.id ?? side.page;
  const table = { sender, reckoning, policy, faults, game, speaks: voice.speaks, onExchange: tally.add };
  const second = setInterval(() => options.onSecond?.(tally.report()), 1_000);
  try {
    await playRounds(options, accounts, tally, (account, random) => playRound(table, account, random));
  } finally {
    clearInterval(second);
    sender.close();
  }
  await settle(options, accounts, reckoning);
  return tally.report();
}

/** A player's rounds follow each other; those of all players run side by side. */
async function playRounds(
  { rate, seconds, seed }: LoadOptions,
  accounts: readonly Account[],
  tally: Tally,
  play: (account: Account, random: Random) => Promise<void>,
): Promise<void> {
  const lines = accounts.map(() => Promise.resolve());
  const startedAt = performance.now();
  const failing = new AbortController();
  let begun = 0;
  let running = 0;
  for (;;) {
    const elapsedMs = performance.now() - startedAt;
    if (elapsedMs >= seconds * 1_000 || failing.signal.aborted) break;
    const due = Math.floor((elapsedMs * rate) / 1_000);
    for (; begun < due && running < accounts.length * ROUNDS_PER_PLAYER_MAX; begun++) {
      // Every round has a generator of its own: what it does depends on the seed alone.
      const random = seededRandom(seed + begun * 7_919);
      const index = Math.floor(random() * accounts.length);
      const account = accounts[index];
      const before = lines[index];
      if (account === undefined || before === undefined) throw new TypeError('A load needs players.');
      running += 1;
      lines[index] = before
        .then(() => play(account, random))
        .finally(() => {
          running -= 1;
          tally.rounds += 1;
        });
      // Reported by the wait for all; here it only ends the loop.
      lines[index]?.catch(() => failing.abort());
    }
    await delay(TICK_MS);
  }
  await Promise.all(lines);
}

/** The end: every balance against the provider's own, and the books against themselves. */
async function settle({ balances, audit }: LoadOptions, accounts: readonly Account[], reckoning: Reckoning) {
  const told = await balances();
  for (const { player, cents } of accounts) {
    const balance = told.get(player);
    if (balance !== undefined && centsOf(balance) === cents) continue;
    reckoning.contradict(`${player} has ${balance ?? 'no wallet'}, which should be ${textOf(cents)}`);
  }
  for (const violation of await audit()) reckoning.contradict(`the audit: ${violation}`);
}

interface Tally {
  rounds: number;
  readonly add: (exchange: Exchange) => void;
  report(): LoadReport;
}

function openTally({ contradictions }: Reckoning): Tally {
  const startedAt = performance.now();
  const durations: number[] = [];
  const faults = Object.fromEntries(faultKinds.map((each) => [each, 0])) as Record<FaultKind, number>;
  const counts = { sent: 0, accepted: 0, refused: 0, failed: 0, retried: 0 };
  let twin: Exchange['request'] | undefined;

  return {
    rounds: 0,
    add({ attempt, request, verdict, fault, durationMs }) {
      counts.sent += 1;
      if (attempt > 1) counts.retried += 1;
      const type = verdict === undefined || verdict === 'no-answer' ? undefined : verdict.type;
      if (type === 'accepted' || type === 'refused') counts[type] += 1;
      else counts.failed += 1;
      // Two exchanges of one duplicate share the request.
      if (fault !== undefined && request !== twin) faults[fault] += 1;
      if (fault === 'duplicate') twin = request;
      durations.push(durationMs);
    },
    report() {
      const sorted = Float64Array.from(durations).sort();
      const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? 0;
      const seconds = (performance.now() - startedAt) / 1_000;
      const { rounds } = this;
      return { seconds, rounds, ...counts, faults: { ...faults }, p50Ms: at(0.5), p99Ms: at(0.99), contradictions };
    },
  };
}
