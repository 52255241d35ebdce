import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ADJUSTMENT, type Correction } from '../../src/ledger/commands.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { UNITS_MAX } from '../../src/ledger/money.js';
import {
  createTestDatabase,
  createTestLedger,
  createTestPlayer,
  type TestDatabase,
  type TestPlayerOptions,
} from '../support/database.js';
import { decimal, policy, said, strictPolicy, type Whose } from './commands.js';
import { alice, decided, nothing, stored } from './deciding.js';

function correction(whose: Whose, key: string, amount: string, more: Partial<Correction> = {}): Correction {
  const { brand, externalId: player } = whose;
  return {
    kind: 'adjustment',
    brand,
    player,
    integration: ADJUSTMENT,
    currency: 'EUR',
    key,
    amount: decimal(amount),
    ...more,
  };
}

describe('a correction', () => {
  const by = (amount: string): Correction => correction(alice, 'ad_1', amount);

  test('gives or takes its amount', () => {
    expect(decided(by('12.5'))).toBe('post adjustment ad_1 12.5 → 112.5');
    expect(decided(by('-12.5'))).toBe('post adjustment ad_1 -12.5 → 87.5');
    expect(decided(by('-100'))).toBe('post adjustment ad_1 -100 → 0');
    expect(decided(by('0.000001'))).toBe('post adjustment ad_1 0.000001 → 100.000001');
  });

  test('comes to players of any status, under any policy', () => {
    for (const playerStatus of ['ACTIVE', 'SUSPENDED', 'SELF_EXCLUDED', 'CLOSED'] as const) {
      for (const amount of ['5', '-5'])
        expect(decided(by(amount), nothing, { playerStatus }, strictPolicy)).toMatch(/^post/);
    }
  });

  test('makes no debt and deepens none, but may pay one off', () => {
    expect(decided(by('-100.000001'))).toBe('refuse INSUFFICIENT_FUNDS');
    expect(decided(by('-1'), nothing, { balance: -5_000_000n })).toBe('refuse INSUFFICIENT_FUNDS');
    expect(decided(by('2'), nothing, { balance: -5_000_000n })).toBe('post adjustment ad_1 2 → -3');
  });

  test('of nothing, or of less than a ledger unit, is refused', () => {
    for (const amount of ['0', '-0', '0.00', '0.0000001', '-0.0000001', '1.0000001', '-1.0000001'])
      expect(decided(by(amount))).toBe('refuse AMOUNT_INVALID');
  });

  test('beyond what a wallet can hold is refused', () => {
    expect(decided(by('9223372036854.775807'))).toBe('refuse AMOUNT_INVALID');
    expect(decided(by('9223372036854.775808'))).toBe('refuse AMOUNT_INVALID');
    expect(decided(by('-9223372036854.775808'))).toBe('refuse AMOUNT_INVALID');
    expect(decided(by('-9223372036854.775807'), nothing, { balance: UNITS_MAX })).toMatch(/^post .* → 0$/);
  });

  test('of the same key and amount is the first; of another amount or direction it is refused', () => {
    const own = stored({
      kind: 'adjustment',
      integration: ADJUSTMENT,
      externalKey: 'ad_1',
      effect: -5_000_000n,
      stated: 5_000_000n,
    });
    const known = { ...nothing, own };
    expect(decided(by('-5'), known)).toBe('replay 3');
    expect(decided(by('-5.000'), known)).toBe('replay 3');
    for (const amount of ['5', '-5.000001', '-6', '0'])
      expect(decided(by(amount), known)).toBe('refuse KEY_CONFLICT [key-conflict]');
    const gain = { ...nothing, own: { ...own, effect: 5_000_000n } };
    expect(decided(by('5'), gain)).toBe('replay 3');
    expect(decided(by('-5'), gain)).toBe('refuse KEY_CONFLICT [key-conflict]');
  });
});

describe('in the books', () => {
  let db: TestDatabase;
  let ledger: Ledger;
  beforeAll(async () => {
    db = await createTestDatabase();
    ledger = createTestLedger(db);
  });
  afterAll(async () => {
    await ledger.close();
    await db.close();
  });

  const options = { policy, deadlineMs: 10_000 };
  const player = (more: TestPlayerOptions = {}) => createTestPlayer(db, { balances: { EUR: '10' }, ...more });
  async function execute(command: Correction): Promise<string> {
    return said((await ledger.execute(command, options)).outcome);
  }

  test('a correction stands against an account of its own', async () => {
    const whose = await player();
    expect(await execute(correction(whose, 'ad_1', '-2.5'))).toBe('applied 7500000');
    const { rows } = await db.owner.query(
      `select kind, integration, account, effect::text, stated::text from ledger_transaction
       where player_id = $1 and sequence = 2`,
      [whose.id],
    );
    expect(rows).toEqual([
      { kind: 'adjustment', integration: 'adjustment', account: 'adjustment', effect: '-2500000', stated: '2500000' },
    ]);
  });

  test('the same correction many times at once moves money once', async () => {
    const whose = await player();
    const answers = await Promise.all(Array.from({ length: 12 }, () => execute(correction(whose, 'ad_2', '1'))));
    expect(answers.filter((each) => each === 'applied 11000000')).toHaveLength(1);
    expect(answers.filter((each) => each === 'replayed 11000000')).toHaveLength(11);
  });

  test('corrections at once take no more than there is', async () => {
    const whose = await player();
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) => execute(correction(whose, `ad_3${index}`, '-4'))),
    );
    expect(answers.filter((each) => each.startsWith('applied'))).toHaveLength(2);
    expect(answers.filter((each) => each === 'refused INSUFFICIENT_FUNDS')).toHaveLength(6);
  });

  test('a correction opens no wallet', async () => {
    const whose = await player();
    expect(await execute(correction(whose, 'ad_4', '1', { currency: 'BTC' }))).toBe('refused CURRENCY_NOT_ALLOWED');
    const { rows } = await db.owner.query('select currency from wallet where player_id = $1', [whose.id]);
    expect(rows).toEqual([{ currency: 'EUR' }]);
  });

  test.for([
    ['of nothing', "'adjustment', 0, 0, 10000000", 'ledger_effect_direction'],
    ['that makes a debt', "'adjustment', -20000000, 20000000, -10000000", 'ledger_debit_covered'],
    ['that moves another amount than it states', "'adjustment', 2000000, 1000000, 12000000", 'ledger_effect_as_stated'],
  ])('SQL refuses a correction %s', async ([, values, constraint]) => {
    const whose = await player();
    await expect(
      db.owner.query(
        `insert into ledger_transaction (lane, wallet_id, sequence, player_id, integration, external_key, flags, created_at,
           hash, kind, effect, stated, balance_after)
         values ($1, $2, 2, $3, 'adjustment', 'ad_x', '{}', now(), sha256(''), ${values})`,
        [whose.lane, whose.wallets.get('EUR'), whose.id],
      ),
    ).rejects.toMatchObject({ constraint });
  });
});
