import { Ctx, Field, ID, ObjectType, Query, Resolver } from 'type-graphql';
import { Integration } from '../entities/index.js';
import type { GraphqlContext } from './context.js';

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
}

@Resolver()
export class IntegrationResolver {
  @Query(() => [IntegrationObject], {
    description: "The integrations of the token's brand by id, those that have left the configuration included.",
  })
  async integrations(@Ctx() { principal, services }: GraphqlContext): Promise<IntegrationObject[]> {
    const found = await services.orm.em
      .fork()
      .find(Integration, { brandId: principal.brand }, { orderBy: { id: 'asc' }, disableIdentityMap: true });
    return found.map((row) => new IntegrationObject(row));
  }
}
