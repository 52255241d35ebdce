import type { MikroORM } from '@mikro-orm/postgresql';
import { Router } from 'express';
import { within } from '../within.js';

/** Whoever asks whether to send traffic here wants to know soon, also when the database says nothing at all. */
const PATIENCE_MS = 2_000;

/**
 * `/healthz`: the process answers. `/readyz`: it should be sent traffic, so the database answers and it is not closing.
 */
export function createHealthRoutes(orm: MikroORM, isClosing: () => boolean): Router {
  const router = Router();
  router.get('/healthz', (_request, response) => {
    response.json({ status: 'ok' });
  });
  router.get('/readyz', async (_request, response) => {
    const problem = isClosing() ? 'closing' : await databaseProblem(orm);
    if (problem === undefined) response.json({ status: 'ready' });
    else response.status(503).json({ status: 'not ready', problem });
  });
  return router;
}

async function databaseProblem(orm: MikroORM): Promise<string | undefined> {
  try {
    await within(PATIENCE_MS, orm.em.fork().execute('select 1'));
    return undefined;
  } catch {
    return 'the database does not answer';
  }
}
