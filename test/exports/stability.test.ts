import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatTransactionId } from '../../src/ledger/ids.js';
import { startTestApp } from '../support/app.js';
import { createTestPlayer, type TestPlayer } from '../support/database.js';
import { seeded } from '../support/random.js';
import { download, FROM, parseCsv, parseLines, SPAN, TO, writeHistory } from './world.js';

const PLAYERS = 10;
const ROWS = 50_000;

let app: Awaited<ReturnType<typeof startTestApp>>;
let analyst: string;
let players: [TestPlayer, ...TestPlayer[]];
let stored: string[];
const random = seeded(2_026);

beforeAll(async () => {
  app = await startTestApp();
  analyst = await app.token('analyst');
  const others = Array.from({ length: PLAYERS - 1 }, () => createTestPlayer(app.database));
  players = [await createTestPlayer(app.database), ...(await Promise.all(others))];
  for (const player of players) await writeHistory(app.database, player, { count: ROWS / PLAYERS, random });
  stored = await storedIds();
  expect(stored).toHaveLength(ROWS);
});
afterAll(() => app.close());

async function storedIds(): Promise<string[]> {
  const { rows } = await app.database.owner.query<{ lane: number; wallet_id: string; sequence: string }>(
    `select lane, wallet_id, sequence from ledger_transaction where created_at >= $1 and created_at < $2
     order by created_at, lane, wallet_id, sequence`,
    [FROM, TO],
  );
  return rows.map((row) =>
    formatTransactionId({ lane: row.lane, walletId: BigInt(row.wallet_id), sequence: BigInt(row.sequence) }),
  );
}

const url = (path: string): string => `${app.url}/exports/${path}`;
/** What of an answer that broke off can be used: its whole lines. */
const wholeLines = (body: Buffer): string => body.subarray(0, body.lastIndexOf(10) + 1).toString();

describe('fifty thousand rows', () => {
  test.each(['csv', 'ndjson'] as const)(
    'cut anywhere and taken up again as %s are there once each, in order, whatever is written meanwhile',
    async (format) => {
      const rows: Record<string, unknown>[] = [];
      let after = '';
      let whole = false;
      let cuts = 0;
      for (; !whole; cuts += 1) {
        const cutAfter = cuts > 5 ? Infinity : random.between(1, 2_000_000);
        const meanwhile = random.pick(players);
        const [answer] = await Promise.all([
          download(url(`transactions.${format}?${SPAN}${after}`), analyst, { cutAfter }),
          writeHistory(app.database, meanwhile, { count: 20, random, prefix: `${format}-${cuts}` }),
        ]);
        expect(answer.status).toBe(200);
        ({ whole } = answer);
        const text = wholeLines(answer.body);
        const read = format === 'ndjson' ? parseLines(text) : parseCsv(wholeRecords(text));
        rows.push(...read);
        const last = rows.at(-1);
        after = last === undefined ? '' : `&after=${String(last['cursor'])}`;
      }
      expect(cuts).toBeGreaterThan(2);
      const ids = rows.map(({ id }) => String(id));
      expect(new Set(ids).size).toBe(ids.length);
      const atBeginning = new Set(stored);
      expect(ids.filter((id) => atBeginning.has(id))).toEqual(stored);
      const times = rows.map(({ createdAt }) => String(createdAt));
      expect(times.every((time, index) => index === 0 || (times[index - 1] ?? '') <= time)).toBe(true);
      stored = await storedIds();
    },
  );

  test('in portions of any size make the same list', async () => {
    const ids: string[] = [];
    let after = '';
    for (;;) {
      const answer = await download(
        url(`transactions.ndjson?${SPAN}&rows=${random.between(9_000, 21_000)}${after}`),
        analyst,
      );
      ids.push(...parseLines(answer.body.toString()).map(({ id }) => String(id)));
      after = `&after=${String(answer.trailers['x-croupier-next'])}`;
      if (answer.trailers['x-croupier-complete'] === 'true') break;
    }
    expect(ids).toEqual(stored);
  });

  test("of a player's own are as many, sequence by sequence", async () => {
    const [player] = players;
    const answer = await download(url(`transactions.csv?${SPAN}`), await app.token('player', player.externalId));
    const sequences = parseCsv(answer.body.toString()).map(({ sequence }) => Number(sequence));
    expect(sequences).toEqual(sequences.map((_, index) => index + 2));
    expect(sequences.length).toBeGreaterThanOrEqual(ROWS / PLAYERS);
  });

  test('with a filter that lets nearly nothing through come to an end too', async () => {
    const answer = await download(url(`transactions.csv?${SPAN}&kind=TOMBSTONE`), analyst);
    expect([answer.whole, answer.trailers['x-croupier-rows'], answer.trailers['x-croupier-complete']]).toEqual([
      true,
      '0',
      'true',
    ]);
  });
});

/** A record may hold line ends of its own: the last whole line need not end one. */
function wholeRecords(text: string): string {
  for (let end = text.length; end > 0; end = text.lastIndexOf('\n', end - 2) + 1) {
    const part = text.slice(0, end);
    if ((part.match(/"/g) ?? []).length % 2 === 0) return part;
  }
  return '';
}
