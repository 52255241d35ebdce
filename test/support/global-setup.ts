import { rm } from 'node:fs/promises';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../src/database.js';
import { migrate } from '../../src/migrate.js';
import { scratchDirectory } from './scratch.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Superuser's URL of the test server; its database is the migrated template. */
    serverUrl: string;
  }
}

/** One real PostgreSQL for the whole run, with a migrated template that each test file clones. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = await scratchDirectory('croupier-test-');
  const server = await startEmbeddedPostgres({
    directory,
    durable: false,
    flags: ['max_connections=300', 'max_wal_size=512MB'],
  });
  const template = new URL(server.url);
  template.pathname = '/template_croupier';
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  await client.query('create database template_croupier');
  await client.end();
  await migrate(template.href);
  project.provide('serverUrl', server.url);
  return async () => {
    await server.close();
    await rm(directory, { recursive: true, force: true });
  };
}
