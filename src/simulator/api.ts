import { raw, type RequestHandler } from 'express';
import type { ApiAnswer, ApiCall } from '../adapters/provider-side.js';

/** Serves a provider's API: any method, any body of up to 64 KiB. */
export function serveApi(answer: (call: ApiCall) => Promise<ApiAnswer | undefined>): RequestHandler[] {
  return [
    raw({ type: () => true, limit: '64kb', inflate: false }),
    async (request, response) => {
      const rawBody = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      const { pathname, searchParams } = new URL(request.url, 'http://simulator');
      const given = await answer({
        method: request.method,
        path: pathname,
        query: searchParams,
        headers: request.headers,
        rawBody,
        body: parse(rawBody),
      });
      if (given === undefined) response.status(404).json({ error: 'NOT_FOUND' });
      else response.status(given.status).json(given.body);
    },
  ];
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}
