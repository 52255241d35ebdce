import { afterEach, expect } from 'vitest';
import { audit } from '../../src/ledger/audit.js';
import type { TestDatabase } from './database.js';

/** After each test of the file the books are audited: crooked books fail the test, whatever it was about. */
export function auditAfterEach(database: () => TestDatabase): void {
  afterEach(async () => {
    await expectStraightBooks(database());
  });
}

export async function expectStraightBooks(database: TestDatabase): Promise<void> {
  const report = await audit(database.orm);
  expect(
    report.invariants.flatMap((each) => each.violations.map((found) => ({ invariant: each.name, ...found }))),
  ).toEqual([]);
  expect(report.ok).toBe(true);
}
