import type { Express } from 'express';
import { ruruHTML } from 'ruru/server';
import { serveStatic as serveRuru } from 'ruru/static';

const ASSETS = '/explorer/assets/';

/** A GraphQL explorer that works without a network: every file comes from the package. */
export function mountExplorer(app: Express): void {
  app.use(serveRuru(ASSETS));
  app.get('/explorer', (request, response) => {
    const host = request.headers.host ?? 'localhost';
    response.type('html').send(
      ruruHTML({
        staticPath: ASSETS,
        endpoint: '/graphql',
        subscriptionEndpoint: `ws://${host}/graphql`,
      }),
    );
  });
}
