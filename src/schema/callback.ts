import { isUtf8 } from 'node:buffer';
import { Ctx, Field, Float, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { Flag } from '../ledger/commands.js';
import { type WalletErrorCode, walletErrors } from '../ledger/errors.js';
import { formatCallbackId } from '../ledger/ids.js';
import { hasRole, rolesOfField, visiblePlayer } from './access.js';
import { type CallbackRow, type CallbackTexts, callbackTexts } from './callback-pages.js';
import type { GraphqlContext } from './context.js';
import { IntegrationObject } from './integration.js';
import { PlayerObject } from './player.js';
import type { WalletRow } from './rows.js';
import { DateTimeScalar } from './scalars.js';
import { TransactionFlagEnum, TransactionObject } from './transaction.js';
import { WalletObject } from './wallet.js';

export type CallbackVerdict = 'ok' | 'repeat' | WalletErrorCode;

export const CallbackVerdictEnum: Readonly<Record<string, CallbackVerdict>> = {
  OK: 'ok',
  REPEAT: 'repeat',
  ...Object.fromEntries(errorCodes().map((code) => [code, code])),
};

registerEnumType(CallbackVerdictEnum, {
  name: 'CallbackVerdict',
  description: 'What became of a callback.',
  valuesConfig: {
    OK: { description: 'It was carried out, or taken note of.' },
    REPEAT: { description: 'It had been carried out before, and got the answer of a repeat.' },
    ...Object.fromEntries(errorCodes().map((code) => [code, { description: walletErrors[code] }])),
  },
});

function errorCodes(): WalletErrorCode[] {
  return Object.keys(walletErrors).filter((code): code is WalletErrorCode => code in walletErrors);
}

@ObjectType('Callback', {
  description: 'One request of a provider, and what it was answered. Kept for a number of days.',
})
export class CallbackObject {
  readonly row: CallbackRow;

  constructor(row: CallbackRow) {
    this.row = row;
  }

  @Field(() => ID, { description: 'Opaque and stable.' })
  get id(): string {
    return formatCallbackId(this.row);
  }

  @Field(() => DateTimeScalar, { description: 'When the gateway received it.' })
  get receivedAt(): Date {
    return this.row.receivedAt;
  }

  @Field(() => IntegrationObject, { description: 'Which integration was called.' })
  async integration(@Ctx() { loaders }: GraphqlContext): Promise<IntegrationObject> {
    const integration = await loaders.integration.load(this.row.integration);
    if (integration === undefined) throw new Error('A callback has no integration');
    return new IntegrationObject(integration);
  }

  @Field(() => String, {
    nullable: true,
    description:
      'What was asked, in the adapter\'s word, such as "bet"; null when it was refused before that was known.',
  })
  get name(): string | null {
    return this.row.name ?? null;
  }

  @Field(() => String, { description: "Path below the integration's callback URL, without secrets." })
  get path(): string {
    return this.row.path;
  }

  @Field(() => String, {
    nullable: true,
    description:
      'The request body as it came, in Base64 when `bodyIsBase64`. Of a request that was not authenticated the beginning only. ' +
      'Null for roles that may not read it.',
  })
  async body(@Ctx() context: GraphqlContext): Promise<string | undefined> {
    const body = (await this.texts(context))?.body;
    return body && (isUtf8(body) ? body.toString('utf8') : body.toString('base64'));
  }

  @Field(() => Boolean, { description: 'Whether `body` is Base64, because what came is not UTF-8.' })
  async bodyIsBase64(@Ctx() context: GraphqlContext): Promise<boolean> {
    if (!hasRole(context, ...(rolesOfField['Callback.body'] ?? []))) return false;
    const body = (await this.texts(context))?.body;
    return body !== undefined && !isUtf8(body);
  }

  @Field(() => String, {
    nullable: true,
    description:
      'The body of the answer; null when the connection was closed without one, and for roles that may not read it.',
  })
  async answer(@Ctx() context: GraphqlContext): Promise<string | undefined> {
    return (await this.texts(context))?.answer ?? undefined;
  }

  @Field(() => CallbackVerdictEnum, { description: 'What became of it.' })
  get verdict(): string {
    return this.row.verdict;
  }

  @Field(() => [TransactionFlagEnum], { description: 'What a person should look at.' })
  get flags(): readonly Flag[] {
    return this.row.flags;
  }

  @Field(() => Int, {
    nullable: true,
    description: 'HTTP status of the answer; null when the connection was closed without one.',
  })
  get httpStatus(): number | null {
    return this.row.status ?? null;
  }

  @Field(() => Float, { description: 'Milliseconds from the last byte of the request to the decision.' })
  get durationMs(): number {
    return this.row.durationUs / 1_000;
  }

  @Field(() => TransactionObject, {
    nullable: true,
    description: 'The transaction that the answer speaks of; null when there is none.',
  })
  async transaction(@Ctx() context: GraphqlContext): Promise<TransactionObject | undefined> {
    const { lane, sequence } = this.row;
    const wallet = await this.walletOf(context);
    if (wallet === undefined || sequence == null) return undefined;
    const row = await context.loaders.transaction.load({ lane, walletId: wallet.id, sequence });
    return row && new TransactionObject(row);
  }

  @Field(() => WalletObject, {
    nullable: true,
    description: 'The wallet that the answer speaks of, as it is now; null when no wallet was reached.',
  })
  async wallet(@Ctx() context: GraphqlContext): Promise<WalletObject | undefined> {
    const wallet = await this.walletOf(context);
    return wallet && new WalletObject(wallet);
  }

  @Field(() => PlayerObject, { nullable: true, description: 'Whose wallet it is; null when no wallet was reached.' })
  async player(@Ctx() context: GraphqlContext): Promise<PlayerObject | undefined> {
    const wallet = await this.walletOf(context);
    const player = wallet && (await visiblePlayer(context, { lane: wallet.lane, id: wallet.playerId }));
    return player && new PlayerObject(player);
  }

  private async walletOf(context: GraphqlContext): Promise<WalletRow | undefined> {
    const { lane, walletId } = this.row;
    const wallet = walletId == null ? undefined : await context.loaders.wallet.load({ lane, id: walletId });
    if (wallet === undefined) return undefined;
    return (await visiblePlayer(context, { lane, id: wallet.playerId })) && wallet;
  }

  private texts(context: GraphqlContext): Promise<CallbackTexts | undefined> {
    return callbackTexts(context)(this.row);
  }
}
