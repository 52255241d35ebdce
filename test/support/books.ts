import { expect, TestRunner } from 'vitest';
import { audit } from '../../src/ledger/audit.js';
import type { TestDatabase } from './database.js';

type Books = Pick<TestDatabase, 'orm'>;

/**
 * From now on the books are audited after each test of the running file that moved money, and at the end in any case: an audit
 * takes 40 ms, which is much after a test that only reads.
 *
 * Databases are made in hooks and tests, where `afterEach` comes too late: vitest has copied the file's hooks by then. So this
 * joins the copy, in front, which runs last: a test has put back its clock by then, and crooked books leave nothing open.
 */
export function auditFromNowOn(books: Books): { end: () => Promise<void> } {
  const { afterEach: hooks } = TestRunner.getSuiteHooks(TestRunner.getCurrentSuite().file);
  let audited: string | undefined;
  let ended = false;
  hooks.unshift(async () => {
    if (ended) return;
    const reached = await unitsOf(books);
    if (reached === audited) return;
    // Before the audit: the test that made the books crooked fails, not all that come after it too.
    audited = reached;
    await expectStraightBooks(books);
  });
  return {
    end: async () => {
      ended = true;
      await expectStraightBooks(books);
    },
  };
}

/** Grows with every unit of work. */
async function unitsOf({ orm }: Books): Promise<string | undefined> {
  const [row] = await orm.em.fork().execute<{ units: string }[]>('select sum(number)::text as units from lane');
  return row?.units;
}

export async function expectStraightBooks({ orm }: Books): Promise<void> {
  const report = await audit(orm);
  expect(
    report.invariants.flatMap((each) => each.violations.map((found) => ({ invariant: each.name, ...found }))),
    'the books are crooked',
  ).toEqual([]);
  expect(report.ok).toBe(true);
}
