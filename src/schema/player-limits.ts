import {
  Arg,
  Ctx,
  Field,
  FieldResolver,
  ID,
  InputType,
  Int,
  Mutation,
  ObjectType,
  registerEnumType,
  Resolver,
  Root,
} from 'type-graphql';
import type { Player } from '../entities/index.js';
import { type LimitKind, limitKinds, type LimitPeriod, limitPeriods, type StoredLimit } from '../ledger/commands.js';
import { limitAt, periodEnd, periodStart, playedMs, StoredPlayerLimits, usedOf } from '../ledger/limits.js';
import type { Decimal } from '../ledger/money.js';
import type { NewLimit } from '../players/players.js';
import type { LimitedWallet } from '../players/wallet-limits.js';
import { hasRole, managedPlayer } from './access.js';
import type { GraphqlContext } from './context.js';
import { badInput } from './errors.js';
import { MoneyObject, toMoney } from './money.js';
import { namedOwnPlayer, PlayerObject, reread } from './player.js';
import { RefusalInterface } from './refusals.js';
import { DateTimeScalar, DecimalScalar } from './scalars.js';

const LimitKindEnum = {
  STAKE: 'stake',
  LOSS: 'loss',
  DEPOSIT: 'deposit',
  SESSION_TIME: 'session',
} as const satisfies Record<string, LimitKind | 'session'>;
const LimitPeriodEnum = { DAY: 'day', WEEK: 'week', MONTH: 'month' } as const satisfies Record<string, LimitPeriod>;

registerEnumType(LimitKindEnum, {
  name: 'LimitKind',
  description: 'What a limit counts.',
  valuesConfig: {
    STAKE: { description: 'Stakes of bets that were not undone. Free bets cost nothing and count nothing.' },
    LOSS: { description: 'Stakes less payouts, of bets and wins that were not undone.' },
    DEPOSIT: { description: 'Deposits.' },
    SESSION_TIME: {
      description: 'Minutes at play, in all currencies, without a pause of 15 minutes between two bets.',
    },
  },
});
registerEnumType(LimitPeriodEnum, {
  name: 'LimitPeriod',
  description: 'How long a limit of money counts, before it begins anew. All in UTC.',
  valuesConfig: {
    DAY: { description: 'From midnight to midnight.' },
    WEEK: { description: 'From Monday to Monday.' },
    MONTH: { description: 'A month of the calendar.' },
  },
});

@ObjectType('MoneyLimitRaise', { description: 'A higher limit, or its end, that waits for its time.' })
class MoneyLimitRaise {
  @Field(() => MoneyObject, {
    nullable: true,
    description: 'The limit from then on; null when there is none any more.',
  })
  readonly amount: MoneyObject | Promise<MoneyObject> | null;

  @Field(() => DateTimeScalar, { description: 'When it takes the place of the limit, by itself.' })
  readonly from: Date;

  constructor(amount: MoneyObject | Promise<MoneyObject> | null, from: Date) {
    this.amount = amount;
    this.from = from;
  }
}

/** What a wallet's limit is made of. */
interface MoneyLimitParts {
  readonly kind: LimitKind;
  readonly period: LimitPeriod;
  readonly wallet: LimitedWallet;
  readonly stored: StoredLimit;
  readonly at: Date;
}

@ObjectType('MoneyLimit', { description: 'The most that may be staked, lost or deposited in a currency and a period.' })
class MoneyLimit {
  readonly parts: MoneyLimitParts;

  constructor(parts: MoneyLimitParts) {
    this.parts = parts;
  }

  @Field(() => LimitKindEnum, { description: 'What it counts: never SESSION_TIME.' })
  get kind(): LimitKind {
    return this.parts.kind;
  }

  @Field(() => LimitPeriodEnum, { description: 'How long it counts.' })
  get period(): LimitPeriod {
    return this.parts.period;
  }

  @Field(() => String, { description: 'Code of the currency, in capitals.' })
  get currency(): string {
    return this.parts.wallet.currency;
  }

  @Field(() => MoneyObject, { description: 'The limit.' })
  amount(@Ctx() context: GraphqlContext): MoneyObject | Promise<MoneyObject> {
    return toMoney(context, BigInt(this.parts.stored.max), this.currency);
  }

  @Field(() => MoneyObject, {
    description: 'What the running period holds. A LOSS is below zero where more was won than staked.',
  })
  used(@Ctx() context: GraphqlContext): MoneyObject | Promise<MoneyObject> {
    return toMoney(context, this.usedUnits, this.currency);
  }

  @Field(() => MoneyObject, { description: 'What it leaves open, 0 at least.' })
  left(@Ctx() context: GraphqlContext): MoneyObject | Promise<MoneyObject> {
    const left = BigInt(this.parts.stored.max) - this.usedUnits;
    return toMoney(context, left < 0n ? 0n : left, this.currency);
  }

  @Field(() => DateTimeScalar, { description: 'When the running period ends, and it counts from zero again.' })
  get periodEndsAt(): Date {
    return periodEnd(this.period, periodStart(this.period, this.parts.at));
  }

  @Field(() => MoneyLimitRaise, { nullable: true, description: 'What will take its place; null when nothing waits.' })
  next(@Ctx() context: GraphqlContext): MoneyLimitRaise | null {
    const { next } = this.parts.stored;
    if (next === undefined) return null;
    const amount = next.max === null ? null : toMoney(context, BigInt(next.max), this.currency);
    return new MoneyLimitRaise(amount, new Date(next.from));
  }

  private get usedUnits(): bigint {
    const { wallet, kind, period, at } = this.parts;
    return usedOf(wallet.limits, kind, period, at);
  }
}

@ObjectType('SessionLimitRaise', { description: 'A longer time at play, or the end of its limit, that waits.' })
class SessionLimitRaise {
  @Field(() => Int, { nullable: true, description: 'Minutes from then on; null when there is no limit any more.' })
  readonly minutes: number | null;

  @Field(() => DateTimeScalar, { description: 'When it takes the place of the limit, by itself.' })
  readonly from: Date;

  constructor(minutes: number | null, from: Date) {
    this.minutes = minutes;
    this.from = from;
  }
}

@ObjectType('SessionLimit', { description: 'The longest time at play without a pause of 15 minutes.' })
class SessionLimit {
  @Field(() => Int, { description: 'The limit.' })
  readonly minutes: number;

  @Field(() => Int, { description: 'Whole minutes that the player has been at play; 0 after a pause.' })
  readonly usedMinutes: number;

  @Field(() => Int, { description: 'Minutes that it leaves open, the last one begun counted whole.' })
  readonly leftMinutes: number;

  @Field(() => SessionLimitRaise, { nullable: true, description: 'What will take its place; null when nothing waits.' })
  readonly next: SessionLimitRaise | null;

  constructor({ max, next }: StoredLimit<number>, usedMs: number) {
    this.minutes = max;
    this.usedMinutes = Math.floor(usedMs / 60_000);
    this.leftMinutes = Math.max(0, Math.ceil(max - usedMs / 60_000));
    this.next = next === undefined ? null : new SessionLimitRaise(next.max, new Date(next.from));
  }
}

@ObjectType('PlayerLimits', { description: 'What a player may do at most.' })
class PlayerLimitsObject {
  @Field(() => [MoneyLimit], { description: 'By currency, kind and period.' })
  readonly money: readonly MoneyLimit[];

  @Field(() => SessionLimit, { nullable: true, description: 'Of the time at play; null when there is none.' })
  readonly session: SessionLimit | null;

  constructor(player: Player, wallets: readonly LimitedWallet[], at: Date) {
    this.money = wallets.flatMap((wallet) =>
      limitKinds.flatMap((kind) =>
        limitPeriods.flatMap((period) => {
          const stored = limitAt(wallet.limits.limits[`${kind}-${period}`], at);
          return stored === undefined ? [] : [new MoneyLimit({ kind, period, wallet, stored, at })];
        }),
      ),
    );
    const limits = player.limits == null ? {} : StoredPlayerLimits.parse(player.limits);
    const session = limitAt(limits.sessionMinutes, at);
    this.session = session === undefined ? null : new SessionLimit(session, playedMs(limits, at));
  }
}

@ObjectType('LimitReached', {
  implements: RefusalInterface,
  description: 'A limit of the player leaves no room for it.',
})
export class LimitReached extends RefusalInterface {
  @Field(() => PlayerObject, { description: 'The player, with the limits as they are now.' })
  readonly player: PlayerObject;

  constructor(player: Player) {
    super("It would go over a limit of the player's.");
    this.player = new PlayerObject(player);
  }
}

@InputType('SetLimitInput', { description: 'What a player may do at most from now on.' })
class SetLimitInput {
  @Field(() => ID, { description: 'Id of the player.' })
  readonly playerId!: string;

  @Field(() => LimitKindEnum, { description: 'What the limit counts.' })
  readonly kind!: LimitKind | 'session';

  @Field(() => LimitPeriodEnum, {
    nullable: true,
    description: 'How long it counts; with every kind but SESSION_TIME.',
  })
  readonly period?: LimitPeriod | null;

  @Field(() => String, {
    nullable: true,
    description:
      'Code of the currency, in capitals; with every kind but SESSION_TIME. Opens the wallet if the brand lists it.',
  })
  readonly currency?: string | null;

  @Field(() => DecimalScalar, {
    nullable: true,
    description:
      'With every kind but SESSION_TIME: units of the currency, 0 or more; null, which must be written, removes the limit.',
  })
  readonly amount?: Decimal | null;

  @Field(() => Int, {
    nullable: true,
    description: 'With SESSION_TIME: 1 to 1440; null, which must be written, removes the limit.',
  })
  readonly minutes?: number | null;
}

@Resolver(() => PlayerObject)
export class PlayerLimitsResolver {
  @FieldResolver(() => PlayerLimitsObject, {
    description: 'What the player may stake, lose, deposit and play at most.',
  })
  async limits(@Root() { row }: PlayerObject, @Ctx() { services }: GraphqlContext): Promise<PlayerLimitsObject> {
    return new PlayerLimitsObject(row, await services.walletLimits(row), new Date());
  }

  @Mutation(() => PlayerObject, {
    description:
      "Sets, lowers, raises or removes a limit, in the order of the player's bets. A first or lower limit holds at once, and ends " +
      'a raise that waits; a higher one, or none, holds by itself 24 hours later, and until then the old one does. Asking for ' +
      "the same raise again does not begin its time anew. For the token's own player, or with the role support, operator or " +
      'service. Errors: FORBIDDEN, NOT_FOUND, CURRENCY_NOT_ALLOWED, BAD_USER_INPUT, UNAVAILABLE (repeating is safe).',
  })
  async setLimit(
    @Arg('input', () => SetLimitInput, { description: 'The limit.' }) input: SetLimitInput,
    @Ctx() context: GraphqlContext,
  ): Promise<PlayerObject> {
    const limit = readLimit(input);
    const player = hasRole(context, 'support', 'operator', 'service')
      ? await managedPlayer(context, input.playerId, 'protective')
      : await namedOwnPlayer(context, input.playerId);
    await context.services.players.setLimit(player, limit);
    return reread(context, player);
  }
}

/** @throws BAD_USER_INPUT unless exactly what the kind needs is given */
function readLimit({ kind, period, currency, amount, minutes }: SetLimitInput): NewLimit {
  if (kind === 'session') {
    if (period != null || currency != null || amount != null) {
      throw badInput('A limit of SESSION_TIME has "minutes", and no "period", "currency" or "amount".');
    }
    if (minutes === undefined) throw badInput('Give "minutes"; null removes the limit.');
    return { limit: kind, minutes };
  }
  if (period == null || currency == null || minutes != null) {
    throw badInput('A limit of money has "period", "currency" and "amount", and no "minutes".');
  }
  if (amount === undefined) throw badInput('Give "amount"; null removes the limit.');
  return { limit: kind, period, currency, max: amount };
}
