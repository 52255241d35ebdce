import { afterEach, beforeEach, expect, test } from 'vitest';
import { ConfigError } from '../src/config.js';
import { keepReferenceData } from '../src/reference-data.js';
import { createTestDatabase, type TestDatabase, testWorld } from './support/database.js';

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.close());

test('an integration never changes its brand: its history would be shown to the other one', async () => {
  const moved = testWorld.integrations.map((each) => (each.id === 'igpx-other' ? { ...each, brand: 'demo' } : each));
  const kept = keepReferenceData(database.orm, { ...testWorld, integrations: moved });
  await expect(kept).rejects.toThrow(ConfigError);
  await expect(kept).rejects.toThrow('the history of igpx-other is of "other"');
  await keepReferenceData(database.orm, testWorld);
});

test('a currency never changes its scale: all money in it would be another', async () => {
  const currencies = new Map([...testWorld.currencies, ['EUR', { code: 'EUR', scale: 2 }]]);
  await expect(keepReferenceData(database.orm, { ...testWorld, currencies })).rejects.toThrow('a scale never changes');
});

test('what has left the configuration stays, inactive', async () => {
  await keepReferenceData(database.orm, { ...testWorld, integrations: testWorld.integrations.slice(1) });
  const { rows } = await database.owner.query(
    'select id, active from integration where adapter is not null order by id',
  );
  expect(rows).toEqual([
    { id: 'igpx-demo', active: false },
    { id: 'igpx-other', active: true },
    { id: 'igpx-second', active: true },
  ]);
});
