import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { adapters } from '../../src/adapters/registry.js';
import { staffPolicy } from '../../src/cashier/policy.js';
import { Policy, type PolicyOverrides, PolicyPart, policyQuestions, withOverrides } from '../../src/ledger/policy.js';
import { policy, strictPolicy } from './commands.js';

/** The issues that a row is refused with, as `question: words`. */
function contradictions(row: unknown): string[] {
  const { error } = Policy.safeParse(row);
  return error?.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`) ?? [];
}

test.for([
  ['the most forgiving', policy],
  ['the strictest', strictPolicy],
  ["the cashier's", staffPolicy],
  ...adapters.map((each) => [each.id, each.policy] as const),
] as const)('%s row is one', ([, row]) => {
  expect(contradictions(row)).toEqual([]);
  expect(Policy.parse(row)).toEqual(row);
});

describe('a row that contradicts itself is refused with the reason', () => {
  test.for<[PolicyOverrides, string[]]>([
    [{ rollbackTargets: ['bet', 'bet'] }, ['rollbackTargets: names a kind twice']],
    [
      { rollbackTargets: [] },
      ['rollbackOfUnknown: accepts the rollback of an unknown movement where nothing can be rolled back'],
    ],
    [
      { winWithoutBet: 'refuse' },
      ['winOfRolledBackBet: credits the win of a bet that was rolled back, where one without a bet is not'],
    ],
    [
      { winWithoutBet: 'quarantine' },
      ['winOfRolledBackBet: credits the win of a bet that was rolled back, where one without a bet is not'],
    ],
    [{ inactiveCheck: 'before-key' }, ['inactiveCheck: would refuse a repeat that is due the first answer']],
    [{ rollbackAfterWin: 'refuse' }, ['rollbackAfterWin: cannot hold where wins are undone and repeated freely']],
    [
      { rollbackTargets: [], inactiveCheck: 'before-key' },
      [
        'rollbackOfUnknown: accepts the rollback of an unknown movement where nothing can be rolled back',
        'inactiveCheck: would refuse a repeat that is due the first answer',
      ],
    ],
  ])('%j', ([overrides, reasons]) => {
    expect(contradictions({ ...policy, ...overrides })).toEqual(reasons);
    expect(() => withOverrides(policy, overrides)).toThrow(z.ZodError);
  });

  test.for<PolicyOverrides>([
    { rollbackTargets: [], rollbackOfUnknown: 'refuse' },
    { winWithoutBet: 'refuse', winOfRolledBackBet: 'quarantine' },
    { winWithoutBet: 'quarantine', winOfRolledBackBet: 'refuse' },
    { winWithoutBet: 'accept', winOfRolledBackBet: 'refuse' },
    { inactiveCheck: 'before-key', duplicate: 'refuse' },
    { rollbackAfterWin: 'refuse', secondWin: 'refuse' },
    { rollbackAfterWin: 'refuse', rollbackTargets: ['bet'] },
  ])('but not %j', (overrides) => {
    expect(contradictions({ ...policy, ...overrides })).toEqual([]);
  });
});

test('a row answers every question, in words that are known, and no other question', () => {
  const accepted = policyQuestions.filter(({ name }) => {
    const { [name]: _left, ...rest } = policy;
    return [rest, { ...policy, [name]: 'perhaps' }].some((row) => contradictions(row).length !== 1);
  });
  expect(accepted).toEqual([]);
  expect(contradictions({ ...policy, colour: 'blue' })).toHaveLength(1);
});

describe('overrides', () => {
  test('replace what they state; what they leave open stays', () => {
    expect(withOverrides(policy)).toEqual(policy);
    expect(withOverrides(policy, { secondWin: 'refuse', duplicate: undefined })).toEqual({
      ...policy,
      secondWin: 'refuse',
    });
  });

  test('are checked with the row they come to: what is sound in one may contradict another', () => {
    const overrides: PolicyOverrides = { winWithoutBet: 'refuse' };
    expect(PolicyPart.safeParse(overrides).success).toBe(true);
    expect(() => withOverrides(policy, overrides)).toThrow(/without a bet is not/);
    expect(withOverrides(strictPolicy, overrides)).toEqual(strictPolicy);
  });

  test('that contradict the row are refused when an adapter is bound', () => {
    const adapter = adapters.find((each) => each.id === 'igpx');
    const settings = {
      apiUrl: 'http://127.0.0.1:9',
      apiVersion: '1.0.0',
      username: 'casino',
      password: 'casino-password',
      securityHash: ['test-security-hash'],
    };
    const bind = (overrides: PolicyOverrides) => adapter?.bind({ id: 'i', brand: 'demo', settings, policy: overrides });
    expect(() => bind({ rollbackTargets: ['bet', 'bet'] })).toThrow(/names a kind twice/);
    expect(bind({ rollbackTargets: ['bet'] })?.policy.rollbackTargets).toEqual(['bet']);
  });
});

test('every question says what it asks, in a sentence', () => {
  expect(policyQuestions.map(({ name }) => name).toSorted()).toEqual(Object.keys(policy).toSorted());
  expect(policyQuestions.filter(({ asks }) => !/^[A-Z].+\.$/.test(asks))).toEqual([]);
});

test('decide is the only reader of a policy: the rest of the ledger only passes it on', () => {
  const folder = new URL('../../src/ledger/', import.meta.url);
  const readers = readdirSync(folder).filter((file) => {
    const text = readFileSync(new URL(file, folder), 'utf8');
    return policyQuestions.some(({ name }) => text.includes(`policy.${name}`));
  });
  expect(readers.toSorted()).toEqual(['decide.ts', 'policy.ts']);
});
