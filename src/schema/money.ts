import { Field, ObjectType } from 'type-graphql';
import type { GraphqlContext } from './context.js';
import { DecimalScalar, decimalText } from './scalars.js';

@ObjectType('Money', { description: 'An exact amount in one currency.' })
export class MoneyObject {
  @Field(() => DecimalScalar, {
    description: 'Units of the currency itself (euros, not cents), exact, as text: "12.50".',
  })
  readonly amount: string;

  @Field(() => String, { description: 'Code as configured, in capitals: "EUR", "BTC".' })
  readonly currency: string;

  constructor(amount: string, currency: string) {
    this.amount = amount;
    this.currency = currency;
  }
}

/** @param units ledger units of the currency. Answers at once, unless the currency has left the configuration. */
export function toMoney(
  { loaders }: GraphqlContext,
  units: bigint,
  currency: string,
): MoneyObject | Promise<MoneyObject> {
  const scale = loaders.scale(currency);
  if (typeof scale === 'number') return new MoneyObject(decimalText(units, scale), currency);
  return scale.then((decimals) => new MoneyObject(decimalText(units, decimals), currency));
}
