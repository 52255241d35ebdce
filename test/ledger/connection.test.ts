import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLedgerConnection, NotCommittedError } from '../../src/ledger/connection.js';
import { createTestDatabase, createTestPlayer, type TestDatabase } from '../support/database.js';
import { terminateLedgers, until } from './interruption.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
  await createTestPlayer(db);
});
afterAll(() => db.close());

describe('the connection', () => {
  test('does not take a COMMIT that answers ROLLBACK for one', async () => {
    const connection = await openLedgerConnection({ connectionString: db.url });
    await expect(connection.send([{ text: 'begin' }, { text: 'select 1/0' }])).rejects.toThrow('division by zero');
    await expect(connection.send([{ text: 'commit' }])).rejects.toThrow(NotCommittedError);
    await connection.close();
  });

  test('throws the first error of a group, and commits nothing of it', async () => {
    const connection = await openLedgerConnection({ connectionString: db.url });
    const group = ['begin', "update player set status = 'CLOSED'", 'select 1/0', 'select nonsense', 'commit'];
    await expect(connection.send(group.map((text) => ({ text })))).rejects.toThrow('division by zero');
    await connection.send([{ text: 'rollback' }]);
    await connection.close();
    const { rows } = await db.owner.query("select from player where status = 'CLOSED'");
    expect(rows).toEqual([]);
  });

  test('knows that it is broken', async () => {
    const connection = await openLedgerConnection({ connectionString: db.url, application_name: 'croupier-ledger' });
    await terminateLedgers(db.owner);
    await until(() => connection.broken);
    await expect(connection.send([{ text: 'select 1' }])).rejects.toThrow(/terminat|not queryable|closed|ended/i);
    await connection.close();
  });

  test.for(['lock_timeout', 'statement_timeout', 'idle_in_transaction_session_timeout'])(
    'cannot hold a lane for long: %s is set',
    async (setting) => {
      const connection = await openLedgerConnection({ connectionString: db.url });
      const [shown] = await connection.send([{ text: `show ${setting}` }]);
      expect(shown?.rows[0]?.[0]).toMatch(/^[1-9]s$/);
      await connection.close();
    },
  );
});
