import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { formatTransactionId } from '../../src/ledger/ids.js';
import { download, parseLines, writeHistory } from '../exports/world.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { createTestDatabase, createTestPlayer, type TestDatabase, type TestPlayer } from '../support/database.js';
import { seeded } from '../support/random.js';

const example = join(import.meta.dirname, '../../docs/examples/feed-reader.mjs');
const DAY_MS = 86_400_000;

let database: TestDatabase;
let app: TestApp;
let players: readonly TestPlayer[];
let token: string;
let directory: string;
let file: string;
const readers: ChildProcess[] = [];
beforeAll(async () => {
  database = await createTestDatabase();
  app = await startTestApp({ database });
  players = [await createTestPlayer(database), await createTestPlayer(database), await createTestPlayer(database)];
  token = await app.token('service');
  directory = await mkdtemp(join(tmpdir(), 'croupier-feed-'));
  file = join(directory, 'transactions.ndjson');
});
afterAll(async () => {
  for (const reader of readers) reader.kill('SIGKILL');
  await app.close();
  await database.close();
  await rm(directory, { recursive: true });
});

function read(bearer = token): { process: ChildProcess; complaints: () => string } {
  const child = spawn(process.execPath, [example, app.url, file], {
    env: { ...process.env, CROUPIER_TOKEN: bearer },
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  readers.push(child);
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
  return { process: child, complaints: () => complaints };
}

async function stop({ process: child }: { process: ChildProcess }): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function bet(key: string, player = players[0]): Promise<void> {
  const body = { action: 'bet', transaction_id: key, user_id: player?.externalId, amount: '0.01', currency: 'EUR' };
  const { body: answer } = await app.callback('/transaction', body);
  expect(answer).toContain('"error":null');
}

/** Bets of all players at once, without a pause, until told to end. */
function play(name: string): { end: () => Promise<void> } {
  const ending = new AbortController();
  const playing = players.map(async (player, index) => {
    for (let number = 1; !ending.signal.aborted; number += 1) await bet(`${name}-${index}-${number}`, player);
  });
  return {
    async end() {
      ending.abort();
      await Promise.all(playing);
    },
  };
}

interface Row {
  readonly id: string;
  readonly walletId: string;
  readonly sequence: string;
  readonly externalKey: string;
  readonly cursor?: string;
}

/** What of the file is whole. */
async function lines(): Promise<Row[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return parseLines(text.slice(0, text.lastIndexOf('\n') + 1)) as unknown as Row[];
}

const seen = (key: string) =>
  expect
    .poll(async () => (await lines()).some(({ externalKey }) => externalKey === key), { timeout: 15_000 })
    .toBe(true);
const count = async (): Promise<number> => (await lines()).length;

/** The ids of the ledger's rows, whoever may see them. */
async function ledger(): Promise<string[]> {
  const { rows } = await database.owner.query<{ lane: number; wallet_id: string; sequence: string }>(
    'select lane, wallet_id, sequence from ledger_transaction',
  );
  return rows.map((row) =>
    formatTransactionId({ lane: row.lane, walletId: BigInt(row.wallet_id), sequence: BigInt(row.sequence) }),
  );
}

/** What an export says of the last days, by id. */
async function exported(): Promise<Map<unknown, Record<string, unknown>>> {
  const [from, to] = [-3, 1].map((days) => new Date(Date.now() + days * DAY_MS).toISOString());
  const { body } = await download(`${app.url}/exports/transactions.ndjson?from=${from}&to=${to}`, token);
  return new Map(parseLines(body.toString()).map((row) => [row['id'], row]));
}

test('the feed reader joins history and feed without a gap and nothing twice, over stops of its own and of the gateway', async () => {
  // Times that run backwards, so that the history is in another order than the sequences; of one player years ago.
  const random = seeded(41);
  const yesterday = new Date(Date.now() - DAY_MS);
  for (const [index, player] of players.entries()) {
    const from = index === 0 ? new Date('2021-03-01T00:00:00Z') : new Date(yesterday.getTime() - DAY_MS);
    const to = index === 0 ? new Date('2023-03-01T00:00:00Z') : yesterday;
    await writeHistory(database, player, { count: 200, random, prefix: player.externalId, from, to });
  }
  const past = await ledger();
  expect(past.length).toBeGreaterThan(600);

  // Nothing is posted, so there is no cursor yet; the history is there all the same.
  const first = read();
  await expect.poll(count, { timeout: 15_000 }).toBe(past.length);
  await stop(first);
  // The next is not seen by any feed, and the line was not written to its end.
  await bet('between');
  await appendFile(file, '{"id":"tx_half","walle');

  // The feed is joined in the middle of play.
  const playing = play('joined');
  const second = read();
  await seen('between');
  await expect
    .poll(async () => (await lines()).some(({ cursor }) => cursor !== undefined), { timeout: 15_000 })
    .toBe(true);
  await stop(second);
  await bet('away');
  const third = read();
  await seen('away');
  await playing.end();

  // The gateway goes, and another one is there in its place; the reader stays.
  const { port } = new URL(app.url);
  await app.close();
  app = await startTestApp({ database, config: { http: { host: '127.0.0.1', port: Number(port) } } });
  const replaying = play('replaced');
  await seen('replaced-0-3');
  await stop(third);
  await replaying.end();
  const fourth = read();
  await bet('last');
  await seen('last');
  await stop(fourth);

  const rows = await lines();
  expect(rows.map(({ id }) => id).toSorted()).toEqual((await ledger()).toSorted());
  for (const ofWallet of Map.groupBy(rows, ({ walletId }) => walletId).values()) {
    expect(ofWallet.map(({ sequence }) => sequence)).toEqual(ofWallet.map((_, index) => `${index + 1}`));
  }
  // The lines of the feed say what those of the history say.
  const asExported = await exported();
  const live = rows.filter(({ cursor }) => cursor !== undefined);
  expect(live.length).toBeGreaterThan(10);
  for (const row of live) expect(asExported.get(row.id)).toMatchObject({ ...row, cursor: expect.any(String) });
});

test('the feed reader ends with one line that says why when its token is not taken', async () => {
  const complaintOf = async (): Promise<string> => {
    const reader = read('no-token');
    const [code] = (await once(reader.process, 'close')) as [number];
    expect(code).toBe(1);
    return reader.complaints();
  };
  await rm(file, { force: true });
  expect(await complaintOf()).toMatch(/^the history is refused with 401: .*UNAUTHENTICATED.*\n$/);
  // With a cursor it begins with the feed.
  await writeFile(file, '{"walletId":"wa_1","sequence":"1","cursor":"c"}\n');
  expect(await complaintOf()).toMatch(/^closed with 4401: .*\n$/);
});
