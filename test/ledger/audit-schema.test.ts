import { afterEach, beforeEach, expect, test } from 'vitest';
import { audit } from '../../src/ledger/audit.js';
import { missingConstraints } from '../../src/ledger/audit-schema.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

/** What SQL promises by itself, until somebody takes it away. */

let db: TestDatabase;
beforeEach(async () => {
  db = await createTestDatabase({ audited: false });
});
afterEach(() => db.close());

test.for([
  [
    'a constraint that is no longer validated',
    'alter table ledger_transaction drop constraint ledger_hash_size, add constraint ledger_hash_size check (octet_length(hash) = 32) not valid',
    /ledger_hash_size/,
  ],
  [
    'a unique key over fewer columns under the same name',
    'drop index ledger_undoes_unique; create unique index ledger_undoes_unique on ledger_transaction (lane, wallet_id, undoes, sequence) where undoes is not null',
    /ledger_undoes_unique/,
  ],
  [
    'an index that is not unique',
    'drop index ledger_undoes_unique; create index ledger_undoes_unique on ledger_transaction (lane, wallet_id, undoes) where undoes is not null',
    /ledger_undoes_unique/,
  ],
  ['a foreign key that is switched off', 'alter table ledger_transaction disable trigger all', /switched off/],
] as const)('%s is found', async ([, deed, what]) => {
  await db.owner.query(deed);
  const [schema] = (await audit(db.orm)).invariants;
  expect(schema?.violations[0]?.what).toMatch(what);
});

test('every constraint of the migrated tables is in the audit, so that none can vanish unseen', async () => {
  const { rows } = await db.owner.query<{ relname: string; conname: string }>(
    `select c.relname, n.conname from pg_constraint n join pg_class c on c.oid = n.conrelid
     where c.relnamespace = 'public'::regnamespace and n.contype in ('c', 'u', 'p', 'f')
       and c.relname <> 'mikro_orm_migrations' and not c.relispartition`,
  );
  // Dropping whatever has dependents takes those along; each of them is a constraint too.
  for (const { relname, conname } of rows) {
    await db.owner.query(`alter table ${relname} drop constraint if exists ${conname} cascade`);
  }
  const before = new Set(rows.map(({ relname, conname }) => `${relname}: constraint ${conname}`));
  expect([...before.difference(await findMissing())]).toEqual([]);
});

async function findMissing(): Promise<Set<string>> {
  const { rows } = await db.owner.query<{ what: string }>(missingConstraints);
  return new Set(rows.map(({ what }) => what.replace(' is missing or not validated', '')));
}

test.for(['delete', 'truncate', 'update'])('a right to %s rows of the ledger is found', async (right) => {
  await db.owner.query(`grant ${right} on ledger_transaction to croupier_app`);
  const broken = (await audit(db.orm)).invariants.filter((each) => each.violations.length > 0);
  expect(broken.map((each) => each.name)).toEqual(['app-role-only-adds']);
});
