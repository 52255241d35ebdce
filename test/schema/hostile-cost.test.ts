import type { Client } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp } from '../support/app.js';
import { openClient, post } from './client.js';

/** What a hostile document costs before it is refused. The client's own part of the work is in the figure. */

const CPU_MS_MAX = 50;

let app: Awaited<ReturnType<typeof startTestApp>>;
let token: string;
let client: Client;
beforeAll(async () => {
  app = await startTestApp({ config: { graphql: { introspection: false, explorer: false } } });
  token = await app.token('operator');
  client = openClient(app, token);
  // Whatever is loaded or compiled at first use is not the document's cost.
  for (let time = 1; time <= 3; time += 1) {
    await overHttp({ query: '{ nothing { of { this } } }' });
    await overSocket('{ nothing { of { this } } }');
  }
});
afterAll(async () => {
  await client.dispose();
  await app.close();
});

async function overHttp(body: unknown): Promise<boolean> {
  const { errors, status } = await post(app.url, token, body);
  return errors.length > 0 && status >= 400 && status < 500;
}

function overSocket(query: string, variables: Record<string, unknown> = {}): Promise<boolean> {
  return new Promise((resolve) => {
    client.subscribe(
      { query, variables },
      { next: () => resolve(false), error: (error) => resolve(Array.isArray(error)), complete: () => undefined },
    );
  });
}

/** The least of a few, because a collection of garbage may fall into any. */
async function cpuMsOf(work: () => Promise<boolean>): Promise<number> {
  let least = Infinity;
  for (let time = 1; time <= 3; time += 1) {
    const before = process.cpuUsage();
    expect(await work(), 'is refused').toBe(true);
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1_000);
  }
  return least;
}

const many = (count: number, part: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => part(index)).join(' ');

const documents: Record<string, string> = {
  'a field inside itself, again and again': `{ me ${'{ wallets { player '.repeat(80)}{ id }${' } }'.repeat(80)} }`,
  'depth hidden in fragments': `{ me { ...F0 } } ${many(60, (n) => `fragment F${n} on Player { wallets { player { ...F${n + 1} } } }`)} fragment F60 on Player { id }`,
  'fragments that double each other': `{ me { ...F0 } } ${many(60, (n) => `fragment F${n} on Player { ...F${n + 1} ...F${n + 1} }`)} fragment F60 on Player { id }`,
  'a cycle of fragments':
    '{ me { ...A } } fragment A on Player { ...B } fragment B on Player { ...C } fragment C on Player { ...A }',
  'many fragments that spread one another': `{ me { ${many(40, (n) => `...F${n}`)} } } ${many(40, (n) => `fragment F${n} on Player { ...F${(n * 7 + 1) % 40} id }`)}`,
  'many aliases': `{ ${many(150, (n) => `a${n}: me { id }`)} }`,
  'one field 3,000 times': `{ me { ${'id '.repeat(3_000)} } }`,
  'as many equal fields as tokens allow': `{ ${'me { id } '.repeat(240)} }`,
  'fields that conflict with each other': `{ ${many(120, (n) => `me { x: ${n % 2 === 0 ? 'id' : 'externalId'} }`)} }`,
  'many directives on a field': `{ me ${'@include(if: true) '.repeat(120)} { id } }`,
  'many unknown directives': `{ me ${many(300, (n) => `@x${n}`)} { id } }`,
  'more tokens than are taken': `{ me { ${many(1_100, (n) => `f${n}`)} } }`,
  'a megabyte of comments': `#${'x'.repeat(1_000_000)}\n{ me { id } }`,
  'sixteen thousand bytes of commas': `{ me { id ${','.repeat(16_000)} nothing } }`,
  'a string as long as a document may be': `{ player(externalId: "${'x'.repeat(16_000)}") { nothing } }`,
  'unknown fields, each near a known one': `{ me { ${many(300, (n) => `externalI${n}`)} } }`,
  'many operations': many(120, (n) => `query Q${n} { me { id } }`),
  'many variables': `query (${many(180, (n) => `$v${n}: Int`)}) { me { id } }`,
  'introspection of everything': `{ __schema { types { ${'fields { type { '.repeat(6)} name ${'} }'.repeat(6)} } } }`,
  'pages in pages':
    'query { transactions(first: 100) { edges { node { wallet { transactions(first: 100) { edges { node { id } } } } } } } }',
  'lists in arguments': `{ report(by: [${'DAY '.repeat(900)}], from: "2027-01-01T00:00:00Z", to: "2027-01-02T00:00:00Z") { nothing } }`,
  'brackets without end': `{ me(x: ${'['.repeat(900)}`,
};

describe(`is refused within ${CPU_MS_MAX} ms of CPU, on both paths`, () => {
  test.each(Object.entries(documents))('%s', async (_name, query) => {
    expect(await cpuMsOf(() => overHttp({ query }))).toBeLessThan(CPU_MS_MAX);
    // A message that is too large closes the socket, which is a test of its own.
    if (Buffer.byteLength(query) < 16_000) expect(await cpuMsOf(() => overSocket(query))).toBeLessThan(CPU_MS_MAX);
  });

  test('a variable of 60,000 bytes, and one nested a thousand times', async () => {
    const query = 'query ($f: TransactionFilter) { transactions(filter: $f) { edges { node { id } } } }';
    const deep = JSON.parse(`${'{"x":'.repeat(1_000)}1${'}'.repeat(1_000)}`) as Record<string, unknown>;
    for (const f of [{ round: 'x'.repeat(60_000) }, deep, Array.from({ length: 5_000 }, () => ({ x: 1 }))]) {
      expect(
        await cpuMsOf(async () => (await post(app.url, token, { query, variables: { f } })).errors.length > 0),
      ).toBeLessThan(CPU_MS_MAX);
    }
  });
});
