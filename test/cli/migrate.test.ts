import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createEmptyDatabase } from '../support/database.js';
import { runProgram, type Shown } from '../support/command.js';

type EmptyDatabase = Awaited<ReturnType<typeof createEmptyDatabase>>;

describe('npm run migrate', () => {
  let database: EmptyDatabase;
  const run = randomUUID().replaceAll('-', '');
  const [owner, gateway] = [`owner_${run}`, `gateway_${run}`];
  beforeAll(async () => {
    database = await createEmptyDatabase();
    await database.owner.query(`create role ${owner} login createrole password 'pw'`);
    await database.owner.query(`create role ${gateway} login password 'pw'`);
    // The tests' server has the role already, made by its superuser.
    await database.owner.query(`grant croupier_app to ${owner} with admin option`);
    await database.owner.query(`alter database ${nameOf(database)} owner to ${owner}`);
  });
  afterAll(async () => {
    await database.owner.query(`reassign owned by ${owner} to current_user`);
    await database.owner.query(`drop owned by ${owner}`);
    await database.owner.query(`drop role ${owner}, ${gateway}`);
    await database.close();
  });

  function urlOf(login: string, password = 'pw'): string {
    const url = new URL(database.url);
    url.username = login;
    url.password = password;
    return url.href;
  }

  function migrate(env: NodeJS.ProcessEnv): Promise<Shown> {
    return runProgram('src/cli/migrate.ts', { env });
  }

  test('with a login that is not the owner says so, and that the owner has a variable of its own', async () => {
    const { code, stderr } = await migrate({ DATABASE_URL: urlOf(gateway) });
    expect(stderr).toMatch(
      /^The migration failed; it found one problem:\n {2}- DATABASE_URL: names a login that may not/,
    );
    expect(stderr).toContain('(permission denied for schema public); nothing was applied. Set DATABASE_OWNER_URL');
    expect(code).toBe(1);
  });

  test('names the variable it used when the server lets nobody in, or is not there', async () => {
    const wrong = await migrate({ DATABASE_OWNER_URL: urlOf(owner, 'wrong'), DATABASE_URL: urlOf(gateway) });
    expect(wrong.stderr).toContain('- DATABASE_OWNER_URL: cannot be reached (password authentication failed');
    const away = await migrate({ DATABASE_URL: 'postgresql://gateway@127.0.0.1:1/croupier' });
    expect(away.stderr).toContain('- DATABASE_URL: cannot be reached (connect ECONNREFUSED 127.0.0.1:1); nothing was ');
    expect([wrong.code, away.code]).toEqual([1, 1]);
  });

  test('with an owner that may not make roles leaves nothing behind and names what it needs; then does it all', async () => {
    await database.owner.query(`alter role ${owner} nocreaterole`);
    await database.owner.query(`revoke croupier_app from ${owner}`);
    const { stderr } = await migrate({ DATABASE_OWNER_URL: urlOf(owner) });
    expect(stderr).toMatch(
      /- DATABASE_OWNER_URL: names a login that may not migrate \(permission denied to .*CREATEROLE/,
    );
    const { rows } = await database.owner.query("select to_regclass('lane') as lane");
    expect(rows).toEqual([{ lane: null }]);
    await database.owner.query(`alter role ${owner} createrole`);
    await database.owner.query(`grant croupier_app to ${owner} with admin option`);
    const done = await migrate({ DATABASE_OWNER_URL: urlOf(owner) });
    expect(done.stdout).toContain('Applied:\n  ');
    const again = await migrate({ DATABASE_OWNER_URL: urlOf(owner) });
    expect(again.stdout).toBe('Nothing to do: the schema is up to date.\n');
  });
});

function nameOf({ url }: EmptyDatabase): string {
  return new URL(url).pathname.slice(1);
}
