import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp } from '../support/app.js';
import { createTestPlayer, type TestPlayer } from '../support/database.js';
import { formatId } from '../../src/ledger/ids.js';
import { openClient } from '../schema/client.js';

let app: Awaited<ReturnType<typeof startTestApp>>;
let player: TestPlayer;
beforeAll(async () => {
  app = await startTestApp();
  player = await createTestPlayer(app.database);
});
afterAll(() => app.close());

async function sample(name: string): Promise<string | undefined> {
  const text = await (await fetch(`${app.url}/metrics`)).text();
  return text.split('\n').find((line) => line.startsWith(name));
}

test('open sockets and the operations on them are counted while they are open', async () => {
  expect(await sample('croupier_sockets ')).toBe('croupier_sockets 0');
  const client = openClient(app, await app.token('player', player.externalId));
  const changes = client.iterate({
    query: `subscription { balanceChanged(playerId: "${formatId('player', player)}") { sequence } }`,
  });
  await changes.next();
  expect(await sample('croupier_sockets ')).toBe('croupier_sockets 1');
  expect(await sample('croupier_socket_operations ')).toBe('croupier_socket_operations 1');
  await client.dispose();
  await expect.poll(() => sample('croupier_sockets ')).toBe('croupier_sockets 0');
  expect(await sample('croupier_socket_operations ')).toBe('croupier_socket_operations 0');
});

test('an export is counted with its format, its end and its rows', async () => {
  const day = 86_400_000;
  const [from, to] = [Date.now() - day, Date.now() + day].map((each) => new Date(each).toISOString());
  const token = await app.token('analyst');
  const response = await fetch(`${app.url}/exports/transactions.csv?from=${from}&to=${to}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  expect((await response.text()).split('\n')).toHaveLength(3);
  await expect.poll(() => sample('croupier_exports_total{format="csv",outcome="complete"}')).toMatch(/ 1$/);
  expect(await sample('croupier_export_rows_total{format="csv"')).toMatch(/ 1$/);
});
