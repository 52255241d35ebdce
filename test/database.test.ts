import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client } from 'pg';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { DatabaseConfig } from '../src/config.js';
import { type Database, type EmbeddedPostgres, openDatabase, startEmbeddedPostgres } from '../src/database.js';
import { migrate } from '../src/migrate.js';
import { scratchDirectory } from './support/scratch.js';

const logger = pino({ level: 'silent' });
const limits = {
  poolMax: 2,
  acquireTimeoutMs: 2_000,
  statementTimeoutMs: 4_000,
  lockTimeoutMs: 3_000,
  idleInTransactionTimeoutMs: 5_000,
  transactionTimeoutMs: 6_000,
};

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

async function postmasterPid(directory: string): Promise<number> {
  return Number((await readFile(join(directory, 'data', 'postmaster.pid'), 'utf8')).split('\n')[0]);
}

async function isAnswering(url: string): Promise<boolean> {
  return query(url, 'select 1').then(
    () => true,
    () => false,
  );
}

describe('the embedded server', () => {
  let directory: string;
  let server: EmbeddedPostgres | undefined;
  const start = async (options: { port?: number; flags?: string[] } = {}): Promise<EmbeddedPostgres> =>
    (server = await startEmbeddedPostgres({ directory, ...options }));

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'croupier-embedded-'));
    const first = await start();
    await query(first.url, "create table kept (value text); insert into kept values ('ünï')");
    await first.close();
  });
  afterEach(() => server?.close());
  afterAll(() => rm(directory, { recursive: true, force: true }));

  const kept = (url: string) => query(url, 'select value from kept');

  test('keeps its data between starts', async () => {
    expect(await kept((await start()).url)).toEqual([{ value: 'ünï' }]);
  });

  test('ends with the last close', async () => {
    const started = await start();
    expect(await isAnswering(started.url)).toBe(true);
    await started.close();
    expect(await isAnswering(started.url)).toBe(false);
    await expect(postmasterPid(directory)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('is shared by all who start it on the same directory, and stops with the last of them', async () => {
    const [first, second] = await Promise.all([start(), start()]);
    expect(second.url).toBe(first.url);
    await first.close();
    expect(await kept(second.url)).toHaveLength(1);
    await second.close();
    expect(await isAnswering(second.url)).toBe(false);
  });

  test('forgets nothing, listens on loopback alone, and speaks UTF-8', async () => {
    const { url } = await start();
    const names = ['fsync', 'synchronous_commit', 'full_page_writes', 'listen_addresses', 'server_encoding'];
    const rows = await query(url, `select ${names.map((each) => `current_setting('${each}') as ${each}`).join(', ')}`);
    expect(rows).toEqual([
      {
        fsync: 'on',
        synchronous_commit: 'on',
        full_page_writes: 'on',
        listen_addresses: '127.0.0.1',
        server_encoding: 'UTF8',
      },
    ]);
  });

  test('has a password of its own that only its owner can read', async () => {
    const { url } = await start();
    expect((await stat(join(directory, 'password'))).mode & 0o777).toBe(0o600);
    const wrong = new URL(url);
    wrong.password = 'postgres';
    await expect(query(wrong.href, 'select 1')).rejects.toMatchObject({ code: '28P01' });
  });

  test('takes another port where the wished one is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    try {
      const { port: taken, url } = await start({ port });
      expect(taken).not.toBe(port);
      expect(await kept(url)).toHaveLength(1);
    } finally {
      other.close();
    }
  });

  test('recovers after it was killed', async () => {
    const { url } = await start();
    await query(url, "insert into kept values ('committed')");
    const pid = await postmasterPid(directory);
    process.kill(pid, 'SIGKILL');
    const again = await startEmbeddedPostgres({ directory });
    expect(await kept(again.url)).toHaveLength(2);
    await query(again.url, "delete from kept where value = 'committed'");
    await again.close();
  });

  test('starts although its old process number belongs to another process now', async () => {
    const dataDirectory = join(directory, 'data');
    const { uid, gid } = await stat(dataDirectory);
    // The same user, as PostgreSQL itself takes only such a process for a server that still runs.
    const other = spawn('sleep', ['60'], { stdio: 'ignore', ...(process.getuid?.() === 0 && { uid, gid }) });
    try {
      await writeFile(join(dataDirectory, 'postmaster.pid'), `${other.pid}\n${dataDirectory}\n1\n5432\n\n127.0.0.1\n`);
      expect(await kept((await start()).url)).toHaveLength(1);
    } finally {
      other.kill();
    }
  });

  test('says why it does not start', async () => {
    await expect(start({ flags: ['no_such_setting=1'] })).rejects.toThrow(/no_such_setting/);
    server = undefined;
  });

  describe('whose starter was killed', () => {
    /** Another process that starts the server and then waits. */
    async function startElsewhere(path: string, durable: boolean): Promise<ChildProcess> {
      const module = JSON.stringify(resolve('src/database/embedded-postgres.ts'));
      const script = `import { startEmbeddedPostgres } from ${module};
        await startEmbeddedPostgres({ directory: ${JSON.stringify(path)}, durable: ${durable} });
        console.log('ready');`;
      const child = spawn(
        process.execPath,
        ['--import', import.meta.resolve('tsx'), '--input-type=module', '--eval', script],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      await once(child.stdout, 'data');
      return child;
    }

    async function kill(child: ChildProcess): Promise<void> {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }

    test('is taken over as it runs', async () => {
      await kill(await startElsewhere(directory, true));
      const pid = await postmasterPid(directory);
      const joined = await start();
      expect(await kept(joined.url)).toHaveLength(1);
      expect(await postmasterPid(directory)).toBe(pid);
      await joined.close();
      expect(await isAnswering(joined.url)).toBe(false);
    });

    test('ends by itself when it was not meant to last', async () => {
      const temporary = await scratchDirectory('croupier-temporary-');
      const child = await startElsewhere(temporary, false);
      expect(await postmasterPid(temporary)).toBeGreaterThan(0);
      await kill(child);
      await expect.poll(() => postmasterPid(temporary).catch(() => 'ended'), { timeout: 10_000 }).toBe('ended');
      await rm(temporary, { recursive: true });
    });
  });
});

describe('a database', () => {
  let directory: string;
  let server: EmbeddedPostgres;
  let count = 0;

  beforeAll(async () => {
    directory = await scratchDirectory('croupier-database-');
    server = await startEmbeddedPostgres({ directory, durable: false });
  });
  afterAll(async () => {
    await server.close();
    await rm(directory, { recursive: true, force: true });
  });

  /** A new database without any schema. */
  async function createEmpty(): Promise<Extract<DatabaseConfig, { kind: 'url' }>> {
    const url = new URL(server.url);
    url.pathname = `/empty_${++count}`;
    await query(server.url, `create database empty_${count}`);
    return { ...limits, kind: 'url', url: url.href, ownerUrl: url.href };
  }

  async function withDatabase(config: DatabaseConfig, work: (database: Database) => Promise<void>): Promise<void> {
    const database = await openDatabase(config, { logger });
    try {
      await work(database);
    } finally {
      await database.close();
    }
  }

  test('without the schema is refused, with what to run', async () => {
    const config = await createEmpty();
    await expect(openDatabase(config, { logger })).rejects.toThrow(/DATABASE_URL: lacks migrations .*npm run migrate/);
  });

  test('migrated by newer code is refused', async () => {
    const config = await createEmpty();
    await migrate(config.ownerUrl);
    await query(config.ownerUrl, "insert into mikro_orm_migrations (name) values ('29990101000000-from-the-future')");
    await expect(openDatabase(config, { logger })).rejects.toThrow(/29990101000000-from-the-future/);
  });

  test('is migrated once by two migrators at the same moment', async () => {
    const { ownerUrl } = await createEmpty();
    const applied = await Promise.all([migrate(ownerUrl), migrate(ownerUrl)]);
    expect(applied.filter((names) => names.length > 0)).toHaveLength(1);
    expect(await migrate(ownerUrl)).toEqual([]);
  });

  test('that may forget what it confirmed is refused in production', async () => {
    const config = await createEmpty();
    await migrate(config.ownerUrl);
    await expect(openDatabase(config, { logger, production: true })).rejects.toThrow(
      /fsync = off, full_page_writes = off, synchronous_commit = off/,
    );
  });

  test('that cannot be reached is refused without showing the password', async () => {
    const url = 'postgresql://app:hunter22@127.0.0.1:1/croupier';
    const refused = openDatabase({ ...limits, kind: 'url', url, ownerUrl: url }, { logger });
    await expect(refused).rejects.toThrow(/cannot be reached \(.*ECONNREFUSED/);
    await expect(refused).rejects.not.toThrow(/hunter22/);
  });

  test('whose login may not work as the app is refused, with what to grant', async () => {
    const config = await createEmpty();
    await migrate(config.ownerUrl);
    await query(server.url, "create role stranger login password 'pw'");
    await query(config.ownerUrl, 'grant select on mikro_orm_migrations to stranger');
    const url = new URL(config.url);
    url.username = 'stranger';
    url.password = 'pw';
    await expect(openDatabase({ ...config, url: url.href }, { logger })).rejects.toThrow(/grant croupier_app to/);
  });

  test('is used as croupier_app, within the configured times', async () => {
    const config = await createEmpty();
    await migrate(config.ownerUrl);
    await withDatabase(config, async ({ orm }) => {
      const rows = await orm.em.fork().execute(`select current_user as role,
        current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock,
        current_setting('idle_in_transaction_session_timeout') as idle, current_setting('transaction_timeout') as whole`);
      expect(rows).toEqual([{ role: 'croupier_app', statement: '4s', lock: '3s', idle: '5s', whole: '6s' }]);
    });
  });

  test("has a past that the gateway's role cannot change", async () => {
    const config = await createEmpty();
    await migrate(config.ownerUrl);
    await withDatabase(config, async (database) => {
      for (const statement of [
        'update ledger_transaction set effect = 1',
        'delete from ledger_transaction',
        'truncate ledger_transaction',
        'drop table ledger_transaction',
      ]) {
        await expect(query(database.url, statement)).rejects.toMatchObject({ code: '42501' });
        await expect(database.orm.em.fork().execute(statement)).rejects.toMatchObject({ code: '42501' });
      }
    });
  });

  test('whose pool is taken refuses the next one in time', async () => {
    const config = { ...(await createEmpty()), poolMax: 1, acquireTimeoutMs: 50 };
    await migrate(config.ownerUrl);
    await withDatabase(config, async ({ orm }) => {
      await orm.em.fork().transactional(async (em) => {
        await em.execute('select 1');
        await expect(orm.em.fork().execute('select 1')).rejects.toThrow(/timeout exceeded when trying to connect/);
      });
    });
  });

  test('of the sandbox is migrated at its first start and stopped with it', async () => {
    const place = await scratchDirectory('croupier-sandbox-');
    const config: DatabaseConfig = { ...limits, kind: 'embedded', directory: place };
    await withDatabase(config, async ({ orm }) => {
      const rows = await orm.em.fork().execute<{ count: string }[]>('select count(*)::text as count from lane');
      expect(rows).toEqual([{ count: '64' }]);
    });
    await expect(postmasterPid(place)).rejects.toMatchObject({ code: 'ENOENT' });
    await withDatabase(config, async ({ orm }) => expect(await orm.em.fork().execute('select 1')).toHaveLength(1));
    await rm(place, { recursive: true });
  });
});
