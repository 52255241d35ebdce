import { Ctx, Field, Float, ObjectType, Query, registerEnumType, Resolver } from 'type-graphql';
import type { OpenStakes } from '../reports/reports.js';
import { requireStaff } from './access.js';
import type { GraphqlContext } from './context.js';
import { IntegrationObject } from './integration.js';
import { MoneyObject, toMoney } from './money.js';
import { DateTimeScalar } from './scalars.js';

const OpenStakesAgeEnum = {
  UNDER_MINUTE: 'under-minute',
  UNDER_HOUR: 'under-hour',
  UNDER_DAY: 'under-day',
  OLDER: 'older',
} as const satisfies Record<string, OpenStakes['age']>;

registerEnumType(OpenStakesAgeEnum, {
  name: 'OpenStakesAge',
  description: 'How long rounds are open already.',
  valuesConfig: {
    UNDER_MINUTE: { description: 'Less than a minute.' },
    UNDER_HOUR: { description: 'A minute, but less than an hour.' },
    UNDER_DAY: { description: 'An hour, but less than a day.' },
    OLDER: { description: 'A day and longer: ask the provider what became of them.' },
  },
});

@ObjectType('OpenStakes', {
  description: 'What is staked in rounds that nothing was paid for yet, and that no provider has called over.',
})
export class OpenStakesObject {
  readonly open: OpenStakes;

  constructor(open: OpenStakes) {
    this.open = open;
  }

  @Field(() => IntegrationObject, { description: 'Through which integration they are played.' })
  async integration(@Ctx() { loaders }: GraphqlContext): Promise<IntegrationObject> {
    const integration = await loaders.integration.load(this.open.integration);
    if (integration === undefined) throw new Error('A round has no integration');
    return new IntegrationObject(integration);
  }

  @Field(() => String, { description: 'Code of the currency, in capitals.' })
  get currency(): string {
    return this.open.currency;
  }

  @Field(() => OpenStakesAgeEnum, { description: 'How long the rounds are open already.' })
  get age(): OpenStakes['age'] {
    return this.open.age;
  }

  @Field(() => MoneyObject, { description: 'The stakes that stand, after rollbacks.' })
  stakes(@Ctx() context: GraphqlContext): MoneyObject | Promise<MoneyObject> {
    return toMoney(context, this.open.stakes, this.open.currency);
  }

  @Field(() => Float, { description: 'How many rounds: a whole number.' })
  get rounds(): number {
    return this.open.rounds;
  }

  @Field(() => DateTimeScalar, { description: 'When the first of these rounds began.' })
  get oldestAt(): Date {
    return this.open.oldestAt;
  }
}

@Resolver()
export class MoneyAtRiskResolver {
  @Query(() => [OpenStakesObject], {
    description:
      "The open stakes of the token's brand as of now, by integration, currency and age, the youngest first. Needs a role of " +
      'staff or service. Error: FORBIDDEN.',
  })
  async moneyAtRisk(@Ctx() context: GraphqlContext): Promise<OpenStakesObject[]> {
    requireStaff(context);
    const { services, principal, signal } = context;
    const open = await services.reports.openStakes(principal.brand, { signal });
    return open.map((each) => new OpenStakesObject(each));
  }
}
