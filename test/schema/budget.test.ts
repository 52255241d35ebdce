import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Principal, Role } from '../../src/auth.js';
import { loadConfig } from '../../src/config.js';
import { hashOfDocument } from '../../src/config/graphql.js';
import { createBudget } from '../../src/schema/budget.js';
import { startTestApp } from '../support/app.js';
import { codes, openClient, post, request } from './client.js';

function principal(subject: string, role: Role = 'player', brand = 'demo'): Principal {
  return { subject, brand, roles: new Set([role]), expiresAt: undefined };
}

describe('a budget', () => {
  test('is spent, says when there will be enough, and fills again evenly', () => {
    let now = 0;
    const budget = createBudget({ player: 6_000, staff: 60_000, now: () => now });
    const alice = principal('alice');
    for (let time = 1; time <= 3; time += 1) budget.spend(alice, 2_000);
    expect(() => budget.spend(alice, 1_000)).toThrow('in 10 s');
    now = 9_900;
    expect(() => budget.spend(alice, 1_000)).toThrow('in 1 s');
    now = 10_000;
    budget.spend(alice, 1_000);
    now = 10_000_000;
    budget.spend(alice, 6_000);
    expect(() => budget.spend(alice, 1)).toThrow('in 1 s');
  });

  test('is each subject’s own, of each brand, and larger for staff', () => {
    const budget = createBudget({ player: 1_000, staff: 5_000, now: () => 0 });
    budget.spend(principal('alice'), 1_000);
    budget.spend(principal('bob'), 1_000);
    budget.spend(principal('alice', 'player', 'other'), 1_000);
    budget.spend(principal('carol', 'analyst'), 5_000);
    expect(() => budget.spend(principal('alice'), 1)).toThrow('more than 1000 fields a minute');
    expect(() => budget.spend(principal('dave'), 1_001)).toThrow('which is more than the 1000 a minute');
  });
});

let app: Awaited<ReturnType<typeof startTestApp>> | undefined;
afterEach(async () => {
  await app?.close();
  app = undefined;
});

async function start(graphql: object): Promise<Awaited<ReturnType<typeof startTestApp>>> {
  return (app = await startTestApp({ config: { graphql: { introspection: true, explorer: false, ...graphql } } }));
}

/** The first answer over a WebSocket, or its errors. */
async function overSocket(query: string, extensions: Record<string, unknown> = {}): Promise<unknown> {
  if (app === undefined) throw new Error('not started');
  const client = openClient(app, await app.token('support'));
  try {
    return await new Promise((resolve) => {
      client.subscribe({ query, extensions }, { next: resolve, error: resolve, complete: () => undefined });
    });
  } finally {
    await client.dispose();
  }
}

test('a budget that is spent on HTTP is spent on WebSockets, and the other way round', async () => {
  const running = await start({ costPerMinute: { player: 1_000, staff: 1_000 } });
  const token = await running.token('support');
  const query = '{ transactions(first: 70) { edges { node { id kind } } } }';
  const answers = [];
  for (let time = 1; time <= 4; time += 1) answers.push(codes(await request(running, token, query)));
  expect(answers.filter(([code]) => code === undefined)).toHaveLength(3);
  expect(answers.at(-1)).toEqual(['QUERY_TOO_COMPLEX']);
  expect(await overSocket(query)).toMatchObject([{ extensions: { code: 'QUERY_TOO_COMPLEX' } }]);
});

describe('where documents have to be trusted', () => {
  const trusted = '{ integrations { id } }';
  const hash = hashOfDocument(trusted);
  const documents = new Map([[hash, trusted]]);

  test('a registered one is taken by its text, and by its id in either way of writing', async () => {
    const running = await start({ trustedDocuments: documents });
    const token = await running.token('support');
    for (const body of [
      { query: trusted },
      { documentId: hash },
      { documentId: `sha256:${hash}` },
      { extensions: { persistedQuery: { version: 1, sha256Hash: hash } } },
      { query: trusted, extensions: { persistedQuery: { version: 1, sha256Hash: hash } } },
    ]) {
      expect((await post(running.url, token, body)).data).toMatchObject({ integrations: [{}, {}] });
    }
    expect(await overSocket(trusted)).toMatchObject({ data: { integrations: [{}, {}] } });
  });

  test('any other is refused, on both paths, also under the id of a registered one', async () => {
    const running = await start({ trustedDocuments: documents });
    const token = await running.token('support');
    const other = '{ integrations { id title } }';
    for (const body of [
      { query: other },
      { query: other, documentId: hash },
      { documentId: hashOfDocument(other) },
      { documentId: 'x' },
      { query: `${trusted} ` },
      {},
    ]) {
      const answer = await post(running.url, token, body);
      expect([answer.status, ...codes(answer)]).toEqual([400, 'DOCUMENT_NOT_TRUSTED']);
    }
    expect(await overSocket(other)).toMatchObject([{ extensions: { code: 'DOCUMENT_NOT_TRUSTED' } }]);
  });

  test('the file of documents is checked at the start', () => {
    const directory = mkdtempSync(join(tmpdir(), 'croupier-documents-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const config = join(directory, 'croupier.yaml');
    const load = (content: string): unknown => {
      writeFileSync(join(directory, 'documents.json'), content);
      writeFileSync(
        config,
        'currencies: { EUR: {} }\nbrands: [{ id: demo, currencies: [EUR] }]\ngraphql: { trustedDocuments: documents.json }\n',
      );
      const env = { CROUPIER_CONFIG: config, CROUPIER_AUTH_SECRET: 'q8Wz3nLx5vRt7yUi9oPa2sDf4gHj6kLm' };
      return loadConfig(env).graphql.trustedDocuments;
    };
    expect(load(JSON.stringify({ [hash]: trusted }))).toEqual(documents);
    expect(() => load(JSON.stringify({ [hash]: '{ me { id } }' }))).toThrow(`the document under ${hash} has another`);
    expect(() => load('[]')).toThrow('is not a JSON file of documents');
    expect(() => load('{}')).toThrow('holds no document');
  });
});

describe('a browser', () => {
  test('is let in from the listed origins only', async () => {
    const running = await start({ origins: ['https://casino.example'] });
    const token = await running.token('support');
    const ask = (origin: string, method = 'POST'): Promise<Response> =>
      fetch(`${running.url}/graphql`, {
        method,
        headers: { origin, 'content-type': 'application/json', authorization: `Bearer ${token}` },
        ...(method === 'POST' && { body: '{"query":"{ __typename }"}' }),
      });
    const allowed = await ask('https://casino.example');
    expect([allowed.status, allowed.headers.get('access-control-allow-origin')]).toEqual([
      200,
      'https://casino.example',
    ]);
    const preflight = await ask('https://casino.example', 'OPTIONS');
    expect([preflight.status, preflight.headers.get('access-control-allow-headers')]).toEqual([
      204,
      'authorization, content-type, apollo-require-preflight',
    ]);
    for (const method of ['POST', 'OPTIONS']) {
      expect((await ask('https://elsewhere.example', method)).headers.get('access-control-allow-origin')).toBe(null);
    }
  });

  test('is told nothing of origins where none are listed', async () => {
    const running = await start({});
    const answer = await fetch(`${running.url}/graphql`, {
      method: 'OPTIONS',
      headers: { origin: 'https://x.example' },
    });
    expect(answer.headers.get('access-control-allow-origin')).toBe(null);
  });
});
