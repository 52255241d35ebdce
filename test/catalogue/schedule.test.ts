import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Catalogue, CatalogueSource } from '../../src/catalogue/catalogue.js';
import { CatalogueError, type CatalogueErrorCode } from '../../src/catalogue/errors.js';
import { createCatalogueSchedule } from '../../src/catalogue/schedule.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const HOUR_MS = 3_600_000;
const source: CatalogueSource = { client: { catalogue: () => Promise.resolve([]) }, file: undefined };
const sources = new Map<string, CatalogueSource>([
  ['one', source],
  ['silent', { client: {}, file: undefined }],
  ['two', { client: {}, file: '/games.yaml' }],
]);

/** A catalogue that keeps which integrations it was asked for, and fails those that the test says. */
function scheduleWith(hours: number, failing: Map<string, CatalogueErrorCode> = new Map()) {
  const asked: string[] = [];
  const told: string[] = [];
  const catalogue: Catalogue = {
    async syncCatalogue(integration) {
      asked.push(integration);
      const code = failing.get(integration);
      if (code !== undefined) throw new CatalogueError(code);
      return { added: 0, changed: 0, withdrawn: 0, unchanged: 0 };
    },
  };
  const schedule = createCatalogueSchedule({ catalogue, sources, hours, failed: (message) => told.push(message) });
  return { asked, told, schedule };
}

test('every catalogue is synchronised at the start, and again each time the hours have passed', async () => {
  const { asked, schedule } = scheduleWith(2);
  schedule.start();
  await vi.advanceTimersByTimeAsync(0);
  expect(asked).toEqual(['one', 'two']);
  await vi.advanceTimersByTimeAsync(2 * HOUR_MS - 1);
  expect(asked).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(1);
  expect(asked).toEqual(['one', 'two', 'one', 'two']);
  await schedule.stop();
  await vi.advanceTimersByTimeAsync(10 * HOUR_MS);
  expect(asked).toHaveLength(4);
});

test('0 hours means never', async () => {
  const { asked, schedule } = scheduleWith(0);
  schedule.start();
  await vi.advanceTimersByTimeAsync(100 * HOUR_MS);
  expect(asked).toEqual([]);
  await schedule.stop();
});

test('a failure is told and hinders nobody; only a provider that does not answer is asked again soon', async () => {
  const failing = new Map<string, CatalogueErrorCode>([
    ['one', 'PROVIDER_FAILED'],
    ['two', 'SHRUNK'],
  ]);
  const { asked, told, schedule } = scheduleWith(24, failing);
  schedule.start();
  await vi.advanceTimersByTimeAsync(0);
  expect(asked).toEqual(['one', 'two']);
  expect(told).toEqual(['The catalogue of one was not synchronised', 'The catalogue of two was not synchronised']);
  failing.clear();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(asked).toEqual(['one', 'two', 'one']);
  await vi.advanceTimersByTimeAsync(HOUR_MS);
  expect(asked).toHaveLength(3);
  await schedule.stop();
});

test('what another gateway is doing at this moment is no failure', async () => {
  const { asked, told, schedule } = scheduleWith(24, new Map([['one', 'BUSY']]));
  schedule.start();
  await vi.advanceTimersByTimeAsync(0);
  expect(asked).toEqual(['one', 'two']);
  expect(told).toEqual([]);
  await schedule.stop();
});
