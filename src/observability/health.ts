import type { MikroORM } from '@mikro-orm/postgresql';
import { Router } from 'express';

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
    await orm.em.fork().execute('select 1');
    return undefined;
  } catch {
    return 'the database does not answer';
  }
}
