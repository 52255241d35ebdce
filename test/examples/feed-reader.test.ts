import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp } from '../support/app.js';
import { createTestPlayer, type TestPlayer } from '../support/database.js';

const example = join(import.meta.dirname, '../../docs/examples/feed-reader.mjs');

let app: Awaited<ReturnType<typeof startTestApp>>;
let player: TestPlayer;
let directory: string;
beforeAll(async () => {
  app = await startTestApp();
  player = await createTestPlayer(app.database);
  directory = await mkdtemp(join(tmpdir(), 'croupier-feed-'));
});
afterAll(async () => {
  await app.close();
  await rm(directory, { recursive: true });
});

interface Reader {
  readonly keys: string[];
  readonly process: ChildProcess;
  readonly complaints: string[];
}

function read(token: string): Reader {
  const child = spawn(process.execPath, [example, app.wsUrl, join(directory, 'cursor.txt')], {
    env: { ...process.env, CROUPIER_TOKEN: token },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const reader: Reader = { keys: [], process: child, complaints: [] };
  createInterface({ input: child.stdout }).on('line', (line) => {
    reader.keys.push((JSON.parse(line) as { externalKey: string }).externalKey);
  });
  createInterface({ input: child.stderr }).on('line', (line) => reader.complaints.push(line));
  return reader;
}

async function bet(key: string): Promise<void> {
  const body = { action: 'bet', transaction_id: key, user_id: player.externalId, amount: '0.10', currency: 'EUR' };
  const { body: answer } = await app.callback('/transaction', body);
  expect(answer).toContain('"error":null');
}

test('the feed reader reads every transaction once, over a stop of its own', async () => {
  const token = await app.token('service');
  const first = read(token);
  // It reads from its start on: the first bets only show when it has begun.
  for (let number = 1; first.keys.length === 0; number += 1) {
    await bet(`early-${number}`);
    await new Promise(setImmediate);
  }
  for (let number = 1; number <= 20; number += 1) await bet(`first-${number}`);
  await expect.poll(() => first.keys.at(-1), { timeout: 10_000 }).toBe('first-20');
  first.process.kill('SIGTERM');
  await once(first.process, 'exit');
  for (let number = 1; number <= 20; number += 1) await bet(`away-${number}`);
  const second = read(token);
  for (let number = 1; number <= 5; number += 1) await bet(`second-${number}`);
  await expect.poll(() => second.keys.at(-1), { timeout: 10_000 }).toBe('second-5');
  second.process.kill('SIGTERM');
  await once(second.process, 'exit');

  const { rows } = await app.database.owner.query<{ external_key: string }>(
    "select external_key from ledger_transaction where kind = 'bet' order by sequence",
  );
  const all = rows.map(({ external_key: key }) => key);
  const seen = [...first.keys, ...second.keys];
  expect(new Set(seen).size).toBe(seen.length);
  expect(seen).toEqual(all.slice(all.indexOf(seen[0] ?? '')));
});

test('the feed reader ends with an error that says why when its token is not taken', async () => {
  const reader = read('no-token');
  const [code] = (await once(reader.process, 'exit')) as [number];
  expect(code).toBe(1);
  await expect.poll(() => reader.complaints.join('\n')).toContain('closed with 4401');
});
