import { randomUUID } from 'node:crypto';
import { policy } from '../../src/adapters/igpx/policy.js';
import type { Movement } from '../../src/ledger/commands.js';
import { formatId, formatTransactionId } from '../../src/ledger/ids.js';
import { parseDecimal } from '../../src/ledger/money.js';
import type { startTestApp } from '../support/app.js';
import { createTestPlayer, type TestPlayer } from '../support/database.js';

type RunningApp = Awaited<ReturnType<typeof startTestApp>>;

/** A player of whom everything bears a mark that occurs nowhere else. */
export interface MarkedPlayer extends TestPlayer {
  /** In its external id, keys, rounds, games, reasons and bodies of callbacks. */
  readonly mark: string;
  readonly integration: string;
  /** Amounts and balances, as the API shows them. */
  readonly amounts: readonly string[];
  /** Every public id, by the name of an argument that asks for one. */
  readonly ids: Readonly<Record<'playerId' | 'walletId' | 'transactionId' | 'sessionId' | 'adjustmentId', string>>;
}

/** Amounts that nobody comes upon by chance. */
const unusual = ['13.371337', '17.424242', '19.565656', '23.787878'] as const;

/** Two brands with two players each. */
export async function createForeignWorld(app: RunningApp): Promise<readonly MarkedPlayer[]> {
  const players: MarkedPlayer[] = [];
  for (const [index, amount] of unusual.entries()) {
    const brand = index < 2 ? 'demo' : 'other';
    players.push(await createMarked(app, brand, `igpx-${brand}`, amount, index));
  }
  return players;
}

async function createMarked(app: RunningApp, brand: string, integration: string, amount: string, index: number) {
  const mark = `trip-${randomUUID().slice(0, 8)}`;
  const balance = `${1_000 + index}.${amount.slice(3)}`;
  const player = await createTestPlayer(app.database, { brand, externalId: mark, balances: { EUR: balance } });
  const walletId = player.wallets.get('EUR') ?? 0n;
  const movements: readonly (Pick<Movement, 'kind'> & Record<string, unknown>)[] = [
    { kind: 'bet', key: `${mark}-bet`, amount: parseDecimal(amount), round: `${mark}-round`, game: `${mark}-game` },
    {
      kind: 'win',
      key: `${mark}-win`,
      amount: parseDecimal(`1${amount}`),
      round: `${mark}-round`,
      game: `${mark}-game`,
    },
    { kind: 'bet', key: `${mark}-bet-2`, amount: parseDecimal(`2${amount}`), round: `${mark}-round-2` },
    { kind: 'rollback', key: `${mark}-undo`, target: `${mark}-bet-2`, round: `${mark}-round-2` },
  ];
  for (const movement of movements) {
    const command = { brand, player: mark, integration, currency: 'EUR', ...movement };
    const { outcome } = await app.app.ledger.execute(command as Movement, { policy, deadlineMs: 5_000 });
    if (outcome.type === 'refused') throw new Error(outcome.code);
  }
  const body = { transaction_id: `${mark}-cb`, action: 'bet', user_id: mark, currency: 'EUR', amount: `3${amount}` };
  await app.callback('/transaction', body, { integration });
  const sessionId = await insert(
    app,
    `insert into game_session (lane, player_id, integration, currency, game, device) values ($1, $2, $3, 'EUR', $4, $5) returning id`,
    [player.lane, player.id, integration, `${mark}-game`, `${mark}-device`],
  );
  const adjustmentId = await insert(
    app,
    `insert into adjustment (lane, player_id, currency, amount, reason, proposed_by) values ($1, $2, 'EUR', $3, $4, $5) returning id`,
    [player.lane, player.id, 4_000_000n + BigInt(amount.replace('.', '')), `${mark} was wrong`, `${mark}-staff`],
  );
  await insertRounds(app, player, walletId);
  return {
    ...player,
    mark,
    integration,
    amounts: [amount, `1${amount}`, `2${amount}`, `3${amount}`, balance],
    ids: {
      playerId: formatId('player', player),
      walletId: formatId('wallet', { lane: player.lane, id: walletId }),
      transactionId: formatTransactionId({ lane: player.lane, walletId, sequence: 2n }),
      sessionId: formatId('session', { lane: player.lane, id: sessionId }),
      adjustmentId: formatId('adjustment', { lane: player.lane, id: adjustmentId }),
    },
  };
}

async function insert(app: RunningApp, statement: string, values: unknown[]): Promise<bigint> {
  const { rows } = await app.database.owner.query<{ id: string }>(statement, values);
  return BigInt(rows[0]?.id ?? 0);
}

/** As the projection will write them, whether it runs here or not. */
async function insertRounds(app: RunningApp, player: TestPlayer, walletId: bigint): Promise<void> {
  await app.database.owner.query(
    `insert into round (lane, wallet_id, first_sequence, last_sequence, player_id, integration, external_id, game, bets, wins,
       rollbacks, stakes, payouts, started_at, last_at)
     select lane, wallet_id, min(sequence), max(sequence), player_id, integration, round, max(game),
       count(*) filter (where kind = 'bet' and round not like '%-2'), count(*) filter (where kind = 'win'),
       count(*) filter (where kind = 'rollback'), coalesce(-sum(effect) filter (where kind = 'bet' and round not like '%-2'), 0),
       coalesce(sum(effect) filter (where kind = 'win'), 0), min(created_at), max(created_at)
     from ledger_transaction where lane = $1 and wallet_id = $2 and round is not null
     group by lane, wallet_id, player_id, integration, round
     on conflict do nothing`,
    [player.lane, walletId],
  );
}
