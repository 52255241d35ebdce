import { Arg, Ctx, Field, Float, ID, InputType, ObjectType, Query, registerEnumType, Resolver } from 'type-graphql';
import { formatUnits } from '../ledger/money.js';
import { ReportError } from '../reports/errors.js';
import {
  type ReportDimension,
  type ReportFilter,
  REPORT_DAYS_HOURLY_MAX,
  REPORT_DAYS_MAX,
  REPORT_NAMES_MAX,
  REPORT_ROWS_MAX,
} from '../reports/question.js';
import type { ReportRow } from '../reports/reports.js';
import { playerById, requireStaff } from './access.js';
import type { GraphqlContext } from './context.js';
import { badInput } from './errors.js';
import { GameObject } from './game.js';
import { historyLoaders } from './history-loaders.js';
import { IntegrationObject } from './integration.js';
import { MoneyObject, toMoney } from './money.js';
import { PlayerObject } from './player.js';
import { DateTimeScalar, DecimalScalar, readKnownName } from './scalars.js';

const ReportDimensionEnum = {
  DAY: 'day',
  HOUR: 'hour',
  INTEGRATION: 'integration',
  GAME: 'game',
  CURRENCY: 'currency',
  BRAND: 'brand',
  PLAYER: 'player',
} as const satisfies Record<string, ReportDimension>;

registerEnumType(ReportDimensionEnum, {
  name: 'ReportDimension',
  description: 'What the rows of a report are told apart by.',
  valuesConfig: {
    DAY: { description: 'Days of UTC.' },
    HOUR: { description: `Hours of UTC; for ${REPORT_DAYS_HOURLY_MAX} days at most.` },
    INTEGRATION: { description: 'Integrations.' },
    GAME: { description: 'Games, and with them integrations: a game is known by the id its provider gave it.' },
    CURRENCY: { description: 'Currencies. They are always told apart, because nothing is ever converted.' },
    BRAND: { description: 'Brands. A token sees one: its rows say which.' },
    PLAYER: { description: 'Players.' },
  },
});

@InputType('ReportFilter', { description: 'All that is given must hold.' })
export class ReportFilterInput {
  @Field(() => [ID], { nullable: true, description: `Only through these integrations; ${REPORT_NAMES_MAX} at most.` })
  readonly integrations?: string[] | null;

  @Field(() => [ID], {
    nullable: true,
    description: `Only of games with these ids of their providers'; ${REPORT_NAMES_MAX} at most.`,
  })
  readonly games?: string[] | null;

  @Field(() => [String], { nullable: true, description: `Only in these currencies; ${REPORT_NAMES_MAX} at most.` })
  readonly currencies?: string[] | null;

  @Field(() => ID, { nullable: true, description: 'Only of this player.' })
  readonly playerId?: string | null;
}

/** Digits of an RTP after the point. */
const RTP_DECIMALS = 6;

@ObjectType('ReportRow', {
  description:
    'What was played in one combination of the dimensions asked for. A rollback counts when it was posted, so what was ' +
    'reported of an hour that is over stays true; an hour in which more was undone than played is below zero.',
})
export class ReportRowObject {
  readonly row: ReportRow;
  readonly ofBrand: string | undefined;

  constructor(row: ReportRow, ofBrand: string | undefined) {
    this.row = row;
    this.ofBrand = ofBrand;
  }

  @Field(() => DateTimeScalar, { nullable: true, description: 'When the day begins; null unless DAY was asked for.' })
  get day(): Date | undefined {
    return this.row.day;
  }

  @Field(() => DateTimeScalar, { nullable: true, description: 'When the hour begins; null unless HOUR was asked for.' })
  get hour(): Date | undefined {
    return this.row.hour;
  }

  @Field(() => String, { nullable: true, description: 'Slug of the brand; null unless BRAND was asked for.' })
  get brand(): string | undefined {
    return this.ofBrand;
  }

  @Field(() => IntegrationObject, {
    nullable: true,
    description: 'Through which integration; null unless INTEGRATION or GAME was asked for.',
  })
  async integration(@Ctx() { loaders }: GraphqlContext): Promise<IntegrationObject | undefined> {
    const { integration } = this.row;
    const found = integration === undefined ? undefined : await loaders.integration.load(integration);
    return found && new IntegrationObject(found);
  }

  @Field(() => ID, {
    nullable: true,
    description: "The provider's id of the game; null for play without one, and unless GAME was asked for.",
  })
  get gameId(): string | null {
    return this.row.game === undefined || this.row.game === '' ? null : this.row.game;
  }

  @Field(() => GameObject, {
    nullable: true,
    description: 'The game; null too where the catalogue does not have it.',
  })
  async game(@Ctx() context: GraphqlContext): Promise<GameObject | undefined> {
    const { integration, game } = this.row;
    if (integration === undefined || game === undefined || game === '') return undefined;
    const found = await historyLoaders(context).game({ integration, id: game });
    return found && new GameObject(found);
  }

  @Field(() => String, { description: 'Code of the currency, in capitals.' })
  get currency(): string {
    return this.row.currency;
  }

  @Field(() => PlayerObject, { nullable: true, description: 'Who played; null unless PLAYER was asked for.' })
  async player(@Ctx() { loaders }: GraphqlContext): Promise<PlayerObject | undefined> {
    const found = this.row.player && (await loaders.player.load(this.row.player));
    return found && new PlayerObject(found);
  }

  @Field(() => MoneyObject, { description: 'What was staked, after rollbacks. A free bet stakes nothing.' })
  stakes(@Ctx() context: GraphqlContext): MoneyObject | Promise<MoneyObject> {
    return toMoney(context, this.row.stakes, this.row.currency);
  }

  @Field(() => MoneyObject, { description: 'What was paid out, after rollbacks.' })
  payouts(@Ctx() context: GraphqlContext): MoneyObject | Promise<MoneyObject> {
    return toMoney(context, this.row.payouts, this.row.currency);
  }

  @Field(() => MoneyObject, { description: 'Gross gaming revenue: stakes − payouts.' })
  ggr(@Ctx() context: GraphqlContext): MoneyObject | Promise<MoneyObject> {
    return toMoney(context, this.row.stakes - this.row.payouts, this.row.currency);
  }

  @Field(() => DecimalScalar, {
    nullable: true,
    description: `Return to players: payouts / stakes, rounded down to ${RTP_DECIMALS} decimals. Null without stakes.`,
  })
  get rtp(): string | null {
    const { stakes, payouts } = this.row;
    if (stakes <= 0n) return null;
    return formatUnits((payouts * 10n ** BigInt(RTP_DECIMALS)) / stakes, RTP_DECIMALS);
  }

  @Field(() => Float, { description: 'Bets, less those undone: a whole number.' })
  get bets(): number {
    return this.row.bets;
  }

  @Field(() => Float, { description: 'Wins, those of nothing included, less those undone: a whole number.' })
  get wins(): number {
    return this.row.wins;
  }

  @Field(() => Float, { description: 'Rollbacks: a whole number.' })
  get rollbacks(): number {
    return this.row.rollbacks;
  }

  @Field(() => Float, { description: 'Rounds that began: a whole number.' })
  get rounds(): number {
    return this.row.rounds;
  }

  @Field(() => Float, {
    description: 'Players who played, each once, however many days and games the row spans: a whole number.',
  })
  players(): Promise<number> {
    return this.row.players();
  }
}

@Resolver()
export class ReportResolver {
  @Query(() => [ReportRowObject], {
    description:
      "What was played with the token's brand, in sums told apart by the dimensions and always by currency; in the order of " +
      `time, integration, game, currency and player. At most ${REPORT_DAYS_MAX} days and ${REPORT_ROWS_MAX} rows. What the ` +
      'token may not see is left out. Deposits, withdrawals and adjustments are no play. `reportFreshness` says how far the ' +
      'reports have come. Needs the role analyst, operator or service. Errors: FORBIDDEN; BAD_USER_INPUT for moments that are not whole ' +
      'hours, for reversed and too long times, and for too many rows; QUERY_TOO_SLOW.',
  })
  async report(
    @Arg('by', () => [ReportDimensionEnum], { description: 'Dimensions; an empty list asks for one row per currency.' })
    by: ReportDimension[],
    @Arg('from', () => DateTimeScalar, { description: 'Begins at this whole hour of UTC.' }) from: Date,
    @Arg('to', () => DateTimeScalar, { description: 'Ends before this whole hour of UTC.' }) to: Date,
    @Arg('filter', () => ReportFilterInput, { nullable: true, description: "All of the brand's play when absent." })
    filter: ReportFilterInput | null,
    @Ctx() context: GraphqlContext,
  ): Promise<ReportRowObject[]> {
    requireStaff(context);
    const { services, principal, signal } = context;
    const { brand } = principal;
    const narrowed = await readFilter(context, filter ?? {});
    const rows = await services.reports
      .read({ brand, by, from, to, filter: narrowed }, { signal })
      .catch((error: unknown) => {
        throw error instanceof ReportError ? badInput(error.message) : error;
      });
    return rows.map((row) => new ReportRowObject(row, by.includes('brand') ? brand : undefined));
  }

  @Query(() => DateTimeScalar, {
    description:
      'Everything that was posted before this moment is in the reports: a second ago at most, unless they are being made anew. ' +
      'Needs the role analyst, operator or service. Error: FORBIDDEN.',
  })
  async reportFreshness(@Ctx() context: GraphqlContext): Promise<Date> {
    requireStaff(context);
    return context.services.reports.freshness({ signal: context.signal });
  }
}

/** Nobody has this key: a player whom the token may not see has played nothing. */
const NOBODY = { lane: 0, id: 0n };

async function readFilter(context: GraphqlContext, filter: ReportFilterInput): Promise<ReportFilter> {
  const { integrations, games, currencies, playerId } = filter;
  const common = {
    integrations: integrations?.map((each) => readKnownName('integrations', each)),
    games: games?.map((each) => readKnownName('games', each)),
    currencies: currencies?.map((each) => readKnownName('currencies', each)),
  };
  if (playerId == null) return common;
  return { ...common, player: (await playerById(context, playerId)) ?? NOBODY };
}
