import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { createTestPlayer, type TestDatabase, type TestPlayer } from '../support/database.js';
import { type Answer, balanceOf, bodyOf, countOf, integrationsWith, refused, send, sign } from './provider.js';

/** Secrets that occur nowhere else: wherever one is read, it was leaked. */
export const secrets = {
  current: 'canary-current-3f8a1c5e7d9b2046',
  previous: 'canary-previous-6b0d4e8f1a2c3579',
  second: 'canary-second-9e7c5a3b1d0f2468',
  other: 'canary-other-brand-2d4f6a8c0e1b3579',
  password: 'canary-password-7a9c1e3f5b0d2468',
} as const;

export interface Target {
  readonly gateway: TestApp & { database: TestDatabase };
  /** Has 100.00 EUR, and nothing may change that. */
  readonly player: TestPlayer;
}

/**
 * A gateway for hostile requests, started for the file. After each test: no money moved, no refusal was a server error, the
 * log holds no secret and no stack trace, and an honest request is still served.
 */
export function underAttack(): () => Target {
  let target: Target;
  let rows = 0;
  let honest = 0;
  beforeAll(async () => {
    const { password } = secrets;
    const gateway = await startTestApp({
      config: {
        integrations: integrationsWith({
          'igpx-demo': { securityHash: [secrets.current, secrets.previous], password },
          'igpx-second': { securityHash: [secrets.second], password },
          'igpx-other': { securityHash: [secrets.other], password },
        }),
      },
    });
    target = { gateway, player: await createTestPlayer(gateway.database, { externalId: 'mallory' }) };
  });
  afterAll(() => target.gateway.close());
  beforeEach(async () => {
    rows = await countOf(target.gateway.database, 'ledger_transaction');
  });
  afterEach(async () => {
    const { gateway, player } = target;
    expect(await countOf(gateway.database, 'ledger_transaction')).toBe(rows);
    expect(await balanceOf(gateway.database, player.wallets.get('EUR'))).toBe('100.00');
    expectNoLeak(gateway.log.join(''));
    honest += 1;
    const body = bodyOf({ transaction_id: `honest-${honest}`, action: 'result', user_id: 'mallory', amount: '0' });
    const answer = await send(gateway.url, '/callbacks/igpx-demo/transaction', {
      body,
      headers: sign(body, secrets.current),
    });
    expect(answer).toMatchObject({ status: 200, body: expect.stringContaining('"error":null') });
  });
  return () => target;
}

/** Neither a secret nor a place in the code. */
export function expectNoLeak(text: string): void {
  for (const secret of Object.values(secrets)) expect(text).not.toContain(secret);
  expect(text).not.toMatch(/\n? {4}at |\.(ts|js):\d+|node_modules|node:internal/);
}

export function expectRefused(answer: Answer): void {
  expect(answer).toEqual(refused);
}
