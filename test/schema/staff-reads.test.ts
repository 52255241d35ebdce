import { afterAll, beforeAll, expect, test } from 'vitest';
import { formatId } from '../../src/ledger/ids.js';
import { startTestApp } from '../support/app.js';
import { createTestPlayer, type TestPlayer } from '../support/database.js';
import { openClient, request } from './client.js';

let app: Awaited<ReturnType<typeof startTestApp>>;
let alice: TestPlayer;
let bob: TestPlayer;
beforeAll(async () => {
  app = await startTestApp();
  alice = await createTestPlayer(app.database, { externalId: 'alice' });
  bob = await createTestPlayer(app.database, { externalId: 'bob' });
});
afterAll(() => app.close());

function reads(): unknown[] {
  return app.log
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ msg }) => msg === 'staff read')
    .map(({ subject, operation, players }) => ({ subject, operation, players }));
}

test('whose data a person of the staff was given is written down, once an operation, on both paths', async () => {
  const [a, b] = [formatId('player', alice), formatId('player', bob)];
  const staff = await app.token('support', 'sue');
  const before = reads().length;
  await request(app, staff, `query Both { a: player(id: "${a}") { status } b: player(id: "${b}") { wallets { id } } }`);
  await request(app, staff, 'query Nobody { player(externalId: "nobody") { id } integrations { id } }');
  await request(app, await app.token('player', 'alice'), 'query Own { me { id } }');
  await request(app, staff, '{ transactions(first: 10) { edges { node { id } } } }');
  const client = openClient(app, staff);
  await new Promise<void>((resolve, reject) => {
    const query = `query Live { player(id: "${b}") { id } }`;
    client.subscribe({ query }, { next: () => undefined, error: reject, complete: resolve });
  });
  await client.dispose();
  expect(reads().slice(before)).toEqual([
    { subject: 'sue', operation: 'Both', players: [a, b] },
    {
      subject: 'sue',
      operation: undefined,
      players: expect.toSatisfy((ids: string[]) => ids.toSorted().join() === [a, b].toSorted().join()),
    },
    { subject: 'sue', operation: 'Live', players: [b] },
  ]);
});
