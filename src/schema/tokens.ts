import { Arg, Ctx, Field, InputType, Mutation, ObjectType, Resolver } from 'type-graphql';
import type { CalledBack } from '../auth.js';
import { isSubject } from '../auth.js';
import { requireManager } from './access.js';
import type { GraphqlContext } from './context.js';
import { badInput } from './errors.js';
import { DateTimeScalar } from './scalars.js';

const REASON_CHARACTERS_MAX = 500;

@InputType('CallBackTokensInput', { description: 'Whose tokens to call back, and why.' })
export class CallBackTokensInput {
  @Field(() => String, {
    description: "The tokens' `sub`: for players their external id. 1 to 255 characters, no control characters.",
  })
  readonly subject!: string;

  @Field(() => String, {
    description: `For the record, not told to whoever holds the tokens: 1 to ${REASON_CHARACTERS_MAX} characters.`,
  })
  readonly reason!: string;
}

@ObjectType('TokensCalledBack', { description: 'Which tokens are no longer taken.' })
export class TokensCalledBackObject {
  @Field(() => String, { description: "The tokens' `sub`." })
  readonly subject: string;

  @Field(() => DateTimeScalar, {
    description: 'Tokens whose `iat` is before this, or that have none, are refused from now on.',
  })
  readonly issuedBefore: Date;

  constructor({ subject, before }: CalledBack) {
    this.subject = subject;
    this.issuedBefore = before;
  }
}

@Resolver()
export class TokenResolver {
  @Mutation(() => TokensCalledBackObject, {
    description:
      "Calls back every token of a subject of the token's brand that was issued until now, whatever its own end: requests with it " +
      'are UNAUTHENTICATED, sockets opened with it are closed within a second, in every gateway. So a change of roles takes ' +
      'effect at once: change them, call back, and let the subject fetch a new token. A subject that nobody knows is no ' +
      'error. Needs the role operator or service. Errors: FORBIDDEN, BAD_USER_INPUT.',
  })
  async callBackTokens(
    @Arg('input', () => CallBackTokensInput, { description: 'Whose tokens, and why.' }) input: CallBackTokensInput,
    @Ctx() context: GraphqlContext,
  ): Promise<TokensCalledBackObject> {
    requireManager(context);
    const { subject, reason } = input;
    const { principal, services } = context;
    if (!isSubject(subject)) throw badInput('"subject" must have 1 to 255 characters, and no control characters.');
    return new TokensCalledBackObject(
      await services.tokens.callBack({
        brand: principal.brand,
        subject,
        reason: readReason(reason),
        by: principal.subject,
      }),
    );
  }
}

function readReason(text: string): string {
  const reason = text.trim();
  if (reason !== '' && reason.length <= REASON_CHARACTERS_MAX && reason.isWellFormed() && !/\p{Cc}/u.test(reason)) {
    return reason;
  }
  throw badInput(`"reason" must have 1 to ${REASON_CHARACTERS_MAX} characters, and no control characters.`);
}
