import { Ctx, Field, ID, ObjectType, Query, Resolver } from 'type-graphql';
import { Integration } from '../entities/index.js';
import { isStaff, requireStaff } from './access.js';
import type { GraphqlContext } from './context.js';
import { policyAnswers, PolicyAnswerObject } from './policy.js';

@ObjectType('Integration', { description: 'One configured connection of a brand to a provider of games.' })
export class IntegrationObject {
  readonly row: Integration;

  constructor(row: Integration) {
    this.row = row;
  }

  @Field(() => ID, { description: 'Slug, as in the configuration and in the callback URL.' })
  get id(): string {
    return this.row.id;
  }

  @Field(() => String, { nullable: true, description: 'Which protocol the provider speaks: the id of the adapter.' })
  get adapter(): string | null {
    return this.row.adapter ?? null;
  }

  @Field(() => String, {
    nullable: true,
    description: 'The provider by name, as its adapter calls it; null once the integration has left the configuration.',
  })
  title(@Ctx() { services }: GraphqlContext): string | undefined {
    return services.integrations.get(this.row.id)?.title;
  }

  @Field(() => String, { nullable: true, description: 'Slug of the brand whose players it serves.' })
  get brand(): string | null {
    return this.row.brandId ?? null;
  }

  @Field(() => [String], { description: 'Codes of the currencies that bets through it may be in.' })
  get currencies(): readonly string[] {
    return this.row.currencies;
  }

  @Field(() => Boolean, {
    description: 'False once it has left the configuration: nothing can be launched or bet any more.',
  })
  get active(): boolean {
    return this.row.active;
  }

  @Field(() => [PolicyAnswerObject], {
    description:
      'The rules that its callbacks are decided by; empty for players, and once it has left the configuration.',
  })
  policy(@Ctx() context: GraphqlContext): PolicyAnswerObject[] {
    const live = context.services.integrations.get(this.row.id);
    return live === undefined || !isStaff(context) ? [] : policyAnswers(live.policy, live.overrides);
  }
}

@Resolver()
export class IntegrationResolver {
  @Query(() => [IntegrationObject], {
    description:
      "The integrations of the token's brand by id, those that have left the configuration included. Needs a role of staff or " +
      'service. Error: FORBIDDEN.',
  })
  async integrations(@Ctx() context: GraphqlContext): Promise<IntegrationObject[]> {
    requireStaff(context);
    const { principal, services } = context;
    const found = await services.orm.em
      .fork()
      .find(Integration, { brandId: principal.brand }, { orderBy: { id: 'asc' }, disableIdentityMap: true });
    return found.map((row) => new IntegrationObject(row));
  }
}
