import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatId, formatTransactionId } from '../../src/ledger/ids.js';
import { writeRows } from '../history/ledger-rows.js';
import { startTestApp } from '../support/app.js';
import { createTestPlayer, type TestPlayer } from '../support/database.js';
import { seeded } from '../support/random.js';
import { request } from './client.js';
import {
  amount,
  connection,
  type Connection,
  history,
  never,
  pagesOf,
  play as playOn,
  walletId,
} from './transaction-lists.js';

let app: Awaited<ReturnType<typeof startTestApp>>;
let support: string;

beforeAll(async () => {
  app = await startTestApp();
  support = await app.token('support');
});
afterAll(() => app.close());

const play = (player: TestPlayer, movement: Parameters<typeof playOn>[2]) => playOn(app, player, movement);

describe('a list that is read while it grows', () => {
  const random = seeded(20_260_501);
  let players: TestPlayer[];

  /** Rows of two wallets whose clocks went anywhere, so that order by time and by sequence have little in common. */
  beforeAll(async () => {
    players = [];
    for (let index = 0; index < 3; index += 1) {
      const player = await createTestPlayer(app.database, { balances: { EUR: '0', USD: '0' } });
      players.push(player);
      for (const currency of ['EUR', 'USD']) {
        const rows = Array.from({ length: 30 }, (_, place) => ({
          createdAt: new Date(Date.parse('2026-05-01T10:00:00Z') + random.below(20) * 1_000),
          effect: 1_000_000n,
          externalKey: `${currency}-${player.id}-${place}`,
          round: place % 3 === 0 ? 'crash-1' : null,
          flags: place % 4 === 0 ? (['win-without-bet'] as const).slice() : [],
        }));
        await writeRows(app.database, player, rows, currency);
      }
    }
  }, 20_000);

  /** One more row in every wallet, all at once. */
  const postEverywhere = async (): Promise<void> => {
    const movement = { kind: 'bet', amount: amount(0n), round: 'crash-1' } as const;
    await Promise.all(
      players.flatMap((player) =>
        ['EUR', 'USD'].map((currency) => play(player, { ...movement, key: randomUUID(), currency })),
      ),
    );
  };

  const lists: readonly [string, () => object, string][] = [
    ['of the brand', () => ({ integration: 'igpx-demo', from: '2026-05-01T00:00:00Z' }), "t.integration = 'igpx-demo'"],
    [
      'of what is flagged',
      () => ({ flagged: true, integration: 'igpx-demo' }),
      "t.integration = 'igpx-demo' and t.flags <> '{}'",
    ],
    ['of a player', () => ({ playerId: formatId('player', players[0] ?? never()) }), 't.player_id = $1'],
    ['of a wallet', () => ({ walletId: walletId(players[0] ?? never()) }), "t.player_id = $1 and w.currency = 'EUR'"],
    ['of a round', () => ({ round: 'crash-1' }), "t.round = 'crash-1'"],
    [
      "of a player's currency",
      () => ({ playerId: formatId('player', players[0] ?? never()), currency: 'USD', flagged: false }),
      "t.player_id = $1 and w.currency = 'USD' and t.flags = '{}'",
    ],
  ];

  test.each(lists)(
    '%s neither repeats nor loses a row that was there at its first page',
    async (_name, filterOf, where) => {
      const filter = filterOf();
      const first = players[0] ?? never();
      const stored = await app.database.owner.query<{ lane: number; wallet_id: string; sequence: string }>(
        `select t.lane, t.wallet_id, t.sequence from ledger_transaction t join wallet w on (w.lane, w.id) = (t.lane, t.wallet_id)
       where ${where} and ($1::bigint is not null)`,
        [first.id],
      );
      for (const direction of ['forward', 'backward'] as const) {
        const pages = await pagesOf(
          async (args) => {
            const [answer] = await Promise.all([request(app, support, history, { filter, ...args }), postEverywhere()]);
            return connection(answer);
          },
          direction,
          19,
        );
        const read = pages.flatMap(({ edges }) => edges.map(({ node }) => node.id));
        expect(new Set(read).size).toBe(read.length);
        const missing = new Set(
          stored.rows.map((row) =>
            formatTransactionId({
              lane: row.lane,
              walletId: BigInt(row.wallet_id),
              sequence: BigInt(row.sequence),
            }),
          ),
        ).difference(new Set(read));
        expect([...missing]).toEqual([]);
      }
    },
  );

  test.each(lists.map(([name, filterOf]) => [name, filterOf] as const))(
    '%s is parted in two by any of its cursors',
    async (_name, filterOf) => {
      const filter = filterOf();
      const read = async (args: object) => connection(await request(app, support, history, { filter, ...args }));
      const keysOf = ({ edges }: Connection) => edges.map(({ node }) => node.id);
      const pages = await pagesOf(read, 'forward', 100);
      const all = pages.flatMap(keysOf);
      expect((await pagesOf(read, 'backward', 100)).flatMap(keysOf).sort()).toEqual(all.toSorted());
      const [page] = pages;
      for (const place of [0, 1, 11, 23]) {
        const edge = page?.edges[place] ?? never();
        const older = await pagesOf((args) => read({ after: edge.cursor, ...args }), 'forward', 100);
        const newer = await pagesOf((args) => read({ before: edge.cursor, ...args }), 'backward', 100);
        expect(older.flatMap(keysOf)).toEqual(all.slice(place + 1));
        expect(newer.flatMap(keysOf).sort()).toEqual(all.slice(0, place).sort());
      }
    },
  );
});
