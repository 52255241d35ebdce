import { fileURLToPath } from 'node:url';
import { Migrator } from '@mikro-orm/migrations';
import { MikroORM } from '@mikro-orm/postgresql';
import * as entities from '../entities/index.js';
import { answerHelp } from './usage.js';

/**
 * `npm run snapshot`: writes what the entities say beside the migrations, as the ORM sees it. `--check` fails when an entity
 * has changed since, which means that a migration is missing. Needs no database.
 */

class Snapshots extends Migrator {
  async store(): Promise<void> {
    await this.storeCurrentSchema();
  }
}

answerHelp(`Usage: npm run snapshot [-- --check]
  --check  writes nothing; ends with 1 when an entity has changed since the last migration`);
const path = fileURLToPath(new URL('../../src/migrations', import.meta.url));
const orm = await MikroORM.init({
  dbName: 'croupier',
  entities: Object.values(entities),
  extensions: [Migrator],
  migrations: { path, pathTs: path, snapshot: true, snapshotName: '.snapshot-croupier' },
  debug: false,
});
const snapshots = new Snapshots(orm.em);
if (!process.argv.includes('--check')) {
  await snapshots.store();
} else if (await snapshots.checkSchema()) {
  console.error(
    'The entities differ from src/migrations/.snapshot-croupier.json: write a migration, then "npm run snapshot".',
  );
  process.exitCode = 1;
}
await orm.close(true);
