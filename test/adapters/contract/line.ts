import {
  type CallbackCommand,
  type CallbackRequest,
  closeConnection,
  type Reply,
} from '../../../src/adapters/contract.js';
import type { WireRequest } from '../../../src/adapters/contract.js';
import { parseJson } from '../../../src/adapters/kit/json.js';
import type { ProviderMessage, ProviderVerdict } from '../../../src/adapters/provider-side.js';
import { dispatch } from '../../../src/callbacks/dispatch.js';
import { createPipeline } from '../../../src/callbacks/pipeline.js';
import type { Outcome, WalletCommand } from '../../../src/ledger/commands.js';
import { isTransient, type WalletErrorCode, walletErrors } from '../../../src/ledger/errors.js';
import type { Ledger } from '../../../src/ledger/ledger.js';
import type { Policy } from '../../../src/ledger/policy.js';
import type { Channel } from './providers.js';

/** A request's way through the gateway without the sockets: the real pipeline and the real ledger, with a look inside. */

export interface Exchange {
  readonly reply: Reply;
  /** What the ledger was asked and what it said; undefined where it was not asked. */
  readonly asked: { readonly command: WalletCommand; readonly policy: Policy; readonly outcome: Outcome } | undefined;
}

/** Commands of many players wait for each other here; that is no matter of the provider's deadline. */
const DEADLINE_MS = 60_000;

/** @throws what the pipeline throws, and what it reports as a fault of the gateway: there may be none */
export async function exchange(channel: Channel, ledger: Ledger, request: WireRequest): Promise<Exchange> {
  let asked: Exchange['asked'];
  const faults: unknown[] = [];
  const pipeline = createPipeline({
    ledger: {
      async execute(command, { policy }) {
        const execution = await ledger.execute(command, { policy, deadlineMs: DEADLINE_MS });
        asked = { command, policy, outcome: execution.outcome };
        return execution;
      },
    },
    redeem: () => Promise.resolve(undefined),
    journal: { append: () => undefined, close: () => Promise.resolve() },
    observed: () => undefined,
    failed: (message, error) => faults.push(new Error(message, { cause: error })),
  });
  const reply = await pipeline(channel, arrived(request));
  if (faults.length > 0) throw new AggregateError(faults, 'The pipeline reports a fault of the gateway.');
  return { reply, asked };
}

/** The message as the provider sends it. */
export function said(channel: Channel, message: ProviderMessage): WireRequest {
  return channel.voice.signer.sign(channel.voice.say(message));
}

export function heard(channel: Channel, message: ProviderMessage, reply: Reply): ProviderVerdict | 'no-answer' {
  return reply === closeConnection ? 'no-answer' : channel.voice.hear(message, reply);
}

/** The request as it arrives: header names in lower case, from a neighbour. */
export function arrived({ headers, ...request }: WireRequest): CallbackRequest {
  const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  return { ...request, headers: Object.fromEntries(lower), remoteAddress: '127.0.0.1' };
}

export interface Understood {
  /** Name of the callback it was taken for. */
  readonly callback: string;
  readonly policy: Policy;
  readonly command: CallbackCommand;
}

/** What the adapter makes of a request before the ledger is asked; undefined when it is refused so far. */
export function understand(channel: Channel, request: WireRequest): Understood | undefined {
  const verified = channel.adapter.signer.verify(arrived(request));
  if (verified === undefined || !channel.adapter.methods.includes(verified.method)) return undefined;
  const json = parseJson(verified.body);
  if (!json.ok) return undefined;
  const callback = dispatch(channel.adapter, verified.path, json.value);
  const message = callback?.read(json.value);
  if (callback === undefined || message === undefined || message.launchToken !== undefined) return undefined;
  return { callback: callback.name, policy: message.policy, command: message.command(undefined) };
}

export const codes: readonly WalletErrorCode[] = Object.keys(walletErrors).filter(
  (code): code is WalletErrorCode => code in walletErrors,
);
export const finalCodes = codes.filter((code) => !isTransient(code));

const historyCodes = ['KEY_CONFLICT', 'BET_UNKNOWN', 'BET_ROLLED_BACK', 'BET_RESOLVED', 'PLAYER_UNKNOWN'] as const;

/** Whether the protocol has no word for no here: some acknowledge the end of a game, and can do nothing else. */
export function cannotSayNo(channel: Channel, callback: string | undefined, message: ProviderMessage): boolean {
  return historyCodes.every((code) => {
    const verdict = heard(channel, message, channel.adapter.refuse(code, { callback }));
    return verdict !== 'no-answer' && verdict.type === 'accepted';
  });
}
