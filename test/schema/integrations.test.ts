import { afterAll, beforeAll, expect, test } from 'vitest';
import { adapters } from '../../src/adapters/registry.js';
import { type PolicyOverrides, policyQuestions } from '../../src/ledger/policy.js';
import { startTestApp } from '../support/app.js';
import { createTestDatabase, testWorld, type TestDatabase } from '../support/database.js';
import { IntegrationsDocument, type IntegrationsQuery } from '../support/graphql/graphql.js';
import { codes, request } from './client.js';

let database: TestDatabase;
let app: Awaited<ReturnType<typeof startTestApp>>;

const settings = {
  apiUrl: 'http://127.0.0.1:1',
  apiVersion: '1.0.0',
  username: 'test',
  password: 'test-igpx-password-of-32-character',
  securityHash: ['test-igpx-hash-of-32-characters-0'],
};

beforeAll(async () => {
  const left = { id: 'igpx-left', adapter: 'igpx', brand: 'demo', currencies: ['EUR'], settings: {}, policy: {} };
  // One that has been in the configuration, and has left it.
  database = await createTestDatabase({ world: { ...testWorld, integrations: [...testWorld.integrations, left] } });
  const overrides: PolicyOverrides = { rollbackOfUnknown: 'refuse', rollbackTargets: ['bet'] };
  const integrations = testWorld.integrations.map((each) => ({
    ...each,
    settings,
    policy: each.id === 'igpx-second' ? overrides : {},
  }));
  app = await startTestApp({ database, config: { integrations } });
});
afterAll(async () => {
  await app.close();
  await database.close();
});

async function integrations(): Promise<IntegrationsQuery['integrations']> {
  const { data, errors } = await request(app, await app.token('support'), IntegrationsDocument.toString());
  expect(errors).toEqual([]);
  return (data as IntegrationsQuery).integrations;
}

test('staff sees the integrations of its brand with the provider behind each, those that have left included', async () => {
  const rules = policyQuestions.length;
  const title = adapters.find(({ id }) => id === 'igpx')?.title;
  expect((await integrations()).map(({ policy, ...facts }) => ({ ...facts, rules: policy.length }))).toEqual([
    { id: 'igpx-demo', title, brand: 'demo', currencies: ['EUR', 'USD'], active: true, rules },
    { id: 'igpx-left', title: null, brand: 'demo', currencies: ['EUR'], active: false, rules: 0 },
    { id: 'igpx-second', title, brand: 'demo', currencies: ['EUR', 'USD'], active: true, rules },
  ]);
});

test('every question of the policy is answered as it holds, and what the configuration says is marked', async () => {
  const found = await integrations();
  const [demo, left, second] = found;
  expect(demo?.policy.map(({ question, asks }) => ({ name: question, asks }))).toEqual(policyQuestions);
  expect(demo?.policy.some(({ overridden }) => overridden)).toBe(false);
  expect(left?.policy).toEqual([]);
  const overridden = second?.policy.filter((each) => each.overridden).map(({ question, answer }) => [question, answer]);
  expect(overridden).toEqual([
    ['rollbackOfUnknown', 'refuse'],
    ['rollbackTargets', 'bet'],
  ]);
  expect(demo?.policy).toContainEqual({
    question: 'rollbackTargets',
    asks: expect.any(String),
    answer: 'bet, win',
    overridden: false,
  });
});

test('players are told neither the list nor a policy', async () => {
  const player = await app.token('player', 'alice');
  expect(codes(await request(app, player, '{ integrations { id } }'))).toEqual(['FORBIDDEN']);
  await database.owner.query(
    `insert into game (integration, id, name, sort_name, features, currencies, status, first_seen_at, changed_at)
     values ('igpx-second', 'g', 'G', 'g', '{}', '{}', 'ACTIVE', now(), now())`,
  );
  const query = '{ games { edges { node { integration { id policy { question } } } } } }';
  expect((await request(app, player, query)).data).toEqual({
    games: { edges: [{ node: { integration: { id: 'igpx-second', policy: [] } } }] },
  });
});
