import { Field, InterfaceType, ObjectType } from 'type-graphql';
import type { PlayerStatus } from '../ledger/commands.js';
import { PlayerStatusEnum } from './player.js';

/** Refusals that a client has to expect are types of the result; everything else is an error with a code. */
@InterfaceType('Refusal', { description: 'Why a mutation did nothing, although the request was in order.' })
export abstract class RefusalInterface {
  @Field(() => String, { description: 'For developers, in English; not for players.' })
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

@ObjectType('CurrencyNotSupported', {
  implements: RefusalInterface,
  description: 'The brand or the integration does not list the currency, or the player has no wallet in it.',
})
export class CurrencyNotSupported extends RefusalInterface {
  @Field(() => String, { description: 'The code that was asked for.' })
  readonly currency: string;

  constructor(currency: string) {
    super('The currency is not allowed here, or the player has no wallet in it.');
    this.currency = currency;
  }
}

@ObjectType('ProviderUnavailable', {
  implements: RefusalInterface,
  description: 'The provider could not be reached or would not do what it was asked.',
})
export class ProviderUnavailable extends RefusalInterface {
  @Field(() => Boolean, { description: 'Whether trying again in a moment makes sense.' })
  readonly retryable: boolean;

  constructor(retryable: boolean) {
    super(
      retryable
        ? 'The provider could not be reached; try again in a moment.'
        : 'The provider refused. Where an integration has games to choose from, a launch has to name one as "game".',
    );
    this.retryable = retryable;
  }
}

@ObjectType('PlayerNotActive', { implements: RefusalInterface, description: 'The player may not launch games now.' })
export class PlayerNotActive extends RefusalInterface {
  @Field(() => PlayerStatusEnum, { description: "The player's status." })
  readonly status: PlayerStatus;

  constructor(status: PlayerStatus) {
    super(`The player is ${status}.`);
    this.status = status;
  }
}
