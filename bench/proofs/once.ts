import type { Delivery, Provider } from './provider.js';
import { bench } from '../bets.js';
import { openGateway, openProvider } from './gateway.js';
import type { Sent } from './book.js';
import { seeded, type Random } from '../../test/support/random.js';
import { type Reckoning, reckon } from './reckoning.js';

export interface OnceOptions {
  readonly databaseUrl: string;
  /** One for each gateway process. */
  readonly directories: readonly [string, string];
  /** Rounds of 16 identical bets at once; each has a player of its own, who is funded. */
  readonly rounds: number;
  /** Rounds of n bets at once with funds for k; each has a player of its own, who has nothing yet. */
  readonly shortRounds: number;
  /** Of each player's wallet, in ledger units. */
  readonly funds: readonly bigint[];
  readonly seed: number;
  readonly say: (text: string) => void;
}

export interface OnceReport extends Reckoning {
  readonly rounds: number;
  readonly shortRounds: number;
  readonly seed: number;
  readonly seconds: number;
  readonly requests: number;
}

const SAME = 16;
const AT_ONCE_MAX = 64;
/** Rounds under way at once, on different wallets. */
const ABREAST = 4;

/** Sends the same bet 16 times at once through two gateway processes, and more bets at once than there are funds for. */
export async function proveOnce(options: OnceOptions): Promise<OnceReport> {
  const startedAt = performance.now();
  const gateways = await Promise.all(options.directories.map((each) => openGateway(each, options.databaseUrl)));
  const providers = gateways.map((each) =>
    openProvider(each, { socketsMax: AT_ONCE_MAX * ABREAST, timeoutMs: 10_000, attemptsMax: 1 }),
  );
  const table: Table = {
    options,
    providers,
    random: seeded(options.seed),
    sent: new Map(),
    faults: [],
    requests: 0,
  };
  try {
    await abreast(options.rounds, (round) => sameBet(table, round));
    await abreast(options.shortRounds, (round) => shortFunds(table, options.rounds + round));
  } finally {
    for (const provider of providers) provider.close();
    for (const gateway of gateways) await gateway.stop();
  }
  const reckoning = await reckon(options.databaseUrl, table.sent, options.funds);
  return {
    rounds: options.rounds,
    shortRounds: options.shortRounds,
    seed: options.seed,
    seconds: Math.round((performance.now() - startedAt) / 100) / 10,
    requests: table.requests,
    ...reckoning,
    violations: [...table.faults, ...reckoning.violations],
  };
}

interface Table {
  readonly options: OnceOptions;
  readonly providers: readonly Provider[];
  readonly random: Random;
  readonly sent: Map<string, Sent>;
  readonly faults: string[];
  requests: number;
}

async function abreast(rounds: number, play: (round: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: ABREAST }, async () => {
      while (next < rounds) await play(next++);
    }),
  );
}

/** Through the gateways in turn. */
function post(
  table: Table,
  turn: number,
  action: 'bet' | 'win',
  one: { player: number; key: string; amount: string },
): Promise<Delivery> {
  const provider = table.providers[turn % table.providers.length];
  if (provider === undefined) throw new Error('There is no gateway.');
  table.requests += 1;
  const { player, key, amount } = one;
  return provider[action]({ player: bench.player(player), currency: bench.currency, amount, transactionId: key });
}

function remember(
  table: Table,
  part: Pick<Sent, 'key' | 'kind' | 'player' | 'amount' | 'state' | 'transactionId'>,
): void {
  table.sent.set(part.key, { target: undefined, ...part });
}

async function sameBet(table: Table, player: number): Promise<void> {
  const key = `same-${player}`;
  const one = { player, key, amount: '1.00' };
  const first = table.random.below(2);
  const told = await Promise.all(Array.from({ length: SAME }, (_, turn) => post(table, first + turn, 'bet', one)));
  const ids = new Set(told.map(({ answer }) => answer?.transactionId ?? `no transaction but ${answer?.error}`));
  const [transactionId] = ids;
  if (ids.size > 1) table.faults.push(`${key} was answered in ${ids.size} ways: ${[...ids].join(', ')}`);
  remember(table, { key, kind: 'bet', player, amount: 100n, state: 'acknowledged', transactionId });
  if ((player + 1) % 200 === 0)
    table.options.say(`${player + 1} of ${table.options.rounds} rounds of ${SAME} identical bets`);
}

async function shortFunds(table: Table, player: number): Promise<void> {
  const { random, options, faults } = table;
  const n = random.between(2, AT_ONCE_MAX);
  const k = random.between(0, n);
  const funds = await post(table, 0, 'win', { player, key: `funds-${player}`, amount: `${k}.00` });
  const amount = BigInt(k) * 100n;
  const { transactionId } = funds.answer ?? {};
  remember(table, { key: `funds-${player}`, kind: 'win', player, amount, state: 'acknowledged', transactionId });
  const told = await Promise.all(
    Array.from({ length: n }, (_, turn) =>
      post(table, turn, 'bet', { player, key: `short-${player}-${turn}`, amount: '1.00' }),
    ),
  );
  let taken = 0;
  for (const { transactionId: key, answer } of told) {
    if (answer === undefined) faults.push(`${key} was not answered`);
    if (answer?.error !== null && answer?.error !== 'funds') faults.push(`${key} was refused: ${answer?.error}`);
    const state = answer?.error === null ? 'acknowledged' : 'declined';
    if (state === 'acknowledged') taken += 1;
    remember(table, { key, kind: 'bet', player, amount: 100n, state, transactionId: answer?.transactionId });
  }
  if (taken !== k) faults.push(`Of ${n} bets with funds for ${k}, ${taken} were taken from ${bench.player(player)}`);
  const round = player - options.rounds + 1;
  if (round % 100 === 0) options.say(`${round} of ${options.shortRounds} rounds of bets beyond the funds`);
}
