import { expect } from 'vitest';
import type { ProviderMovement } from '../../../src/adapters/provider-side.js';
import { formatUnits, parseDecimal, unitsFloor } from '../../../src/ledger/money.js';
import type { Random } from '../../support/random.js';
import { exchange, heard, said, understand } from './line.js';
import { currencyOf } from './orders.js';
import { type Dialect, openChannel } from './providers.js';
import { createPeople, gameOf, namesFor, type Stage, world } from './world.js';

/**
 * Whether text tells a balance rounded down to some number of decimals: two at least, where the currency has that many. How
 * many a dialect shows is its own affair, and zeros at the end may be left out.
 */
export function isFloorOf(text: string, units: bigint, scale: number): boolean {
  const told = parseDecimal(text);
  if (told === undefined) return false;
  for (let decimals = Math.min(2, scale); decimals <= scale; decimals += 1) {
    const divisor = 10n ** BigInt(scale - decimals);
    const floor = units / divisor - (units % divisor < 0n ? 1n : 0n);
    if (floor * 10n ** BigInt(told.decimals) === told.digits * 10n ** BigInt(decimals)) return true;
  }
  return false;
}

const OPENING = '1000000.123456';
/** Beyond it a win may be held back for a person to look at. */
const MULTIPLE_MAX = 5_000n;

/**
 * Random bets with a win each, from a cent to thousands, with as many decimals as the voice can say: after every one the wallet
 * has what the provider meant to the last unit, and the provider is told so.
 */
export async function expectExactAmounts(stage: Stage, dialect: Dialect, plays: number, random: Random): Promise<void> {
  const channel = openChannel(dialect);
  const currency = currencyOf(dialect);
  const scale = world.currencies.get(currency)?.scale ?? 0;
  const [person] = await createPeople(stage, 1, { currency, balance: OPENING });
  if (person === undefined) throw new Error('There is no player.');
  const player = namesFor(channel, currency)(person);
  let balance = unitsOf(OPENING, scale);
  let told = 0;
  for (let number = 1; number <= plays; number += 1) {
    const play = { player, currency, session: 's', game: gameOf(channel), round: String(700_000 + number) };
    const id = (index: number): string => channel.voice.newId(9_000_000 + number * 2 + index);
    const stake = BigInt(random.between(1, 10 ** random.between(1, 6)));
    const bet: ProviderMovement = { kind: 'bet', ...play, id: id(0), amount: formatUnits(stake, 2, 2) };
    const win: ProviderMovement = {
      kind: 'win',
      ...play,
      id: id(1),
      amount: randomAmount(random, stake * MULTIPLE_MAX),
      target: bet,
    };
    for (const message of [bet, win]) {
      const request = said(channel, message);
      expect(understand(channel, request), `${message.amount} can be said`).toBeDefined();
      const { reply, asked } = await exchange(channel, stage.ledger, request);
      const outcome = asked?.outcome;
      if (outcome?.type !== 'applied') {
        const told = outcome?.type === 'refused' ? outcome.code : outcome?.type;
        throw new Error(`A ${message.kind} of ${message.amount} for ${bet.amount} was not applied: ${told}.`);
      }
      balance += unitsOf(message.amount, scale) * (message.kind === 'bet' ? -1n : 1n);
      const about = `${message.kind} ${message.amount} for a stake of ${bet.amount}`;
      expect({ about, units: outcome.receipt.balanceAfterUnits }).toEqual({ about, units: balance });
      const verdict = heard(channel, message, reply);
      if (verdict === 'no-answer' || verdict.type !== 'accepted')
        throw new Error(`${about} was not heard as accepted.`);
      if (verdict.balance === undefined) continue;
      told += 1;
      expect(isFloorOf(verdict.balance, balance, scale), `${about}: ${verdict.balance}`).toBe(true);
    }
  }
  // A dialect tells the balance of every movement or of none.
  expect([0, plays * 2]).toContain(told);
}

function unitsOf(text: string, scale: number): bigint {
  const parsed = parseDecimal(text);
  if (parsed === undefined) throw new Error(`${text} is no decimal`);
  return unitsFloor(parsed, scale).units;
}

/** Decimal text of some hundredths, up to so many; small ones as often as large ones, zeros at the end or not. */
function randomAmount(random: Random, most: bigint): string {
  const hundredths = BigInt(random.between(1, 10 ** random.between(1, 6)));
  return formatUnits(hundredths < most ? hundredths : most, 2, random.chance(0.5) ? 2 : 0);
}
