import type {
  BoundAdapter,
  BoundCallback,
  BoundMessage,
  CallbackCommand,
  CallbackRequest,
  LaunchedPlay,
  Reply,
} from '../adapters/contract.js';
import { closeConnection } from '../adapters/contract.js';
import { parseJson } from '../adapters/kit/json.js';
import type { Flag, Outcome } from '../ledger/commands.js';
import type { WalletErrorCode } from '../ledger/errors.js';
import { laneOf } from '../ledger/lanes.js';
import type { Ledger } from '../ledger/ledger.js';
import type { CallbackRow } from '../ledger/statements.js';
import { dispatch } from './dispatch.js';
import type { Journal } from './journal.js';
import { hideInBody, hideInText } from './launch-token.js';
import { ObservedCallback } from './observed.js';
import type { RoundEnd } from './round-closures.js';

export { ObservedCallback } from './observed.js';

/** An integration as the callback routes know it. */
export interface LiveIntegration {
  readonly id: string;
  readonly brand: string;
  readonly adapter: BoundAdapter;
}

export interface PipelineOptions {
  readonly ledger: Pick<Ledger, 'execute'>;
  /** Redeems a one-time launch token of an integration. @returns undefined when it is unknown, spent or too old. */
  readonly redeem: (integration: string, token: string) => Promise<LaunchedPlay | undefined>;
  readonly journal: Journal;
  /** Called after the answer is decided when the provider says that a round is over. Must not throw. */
  readonly roundEnded?: (end: RoundEnd) => void;
  /** Called once per callback, after the answer is decided. */
  readonly observed: (callback: ObservedCallback) => void;
  /** Called for a fault of the gateway itself; the provider gets no answer, and so repeats. */
  readonly failed: (message: string, error: unknown) => void;
}

/** Bytes kept of a body whose sender is not known to be the provider. */
const UNVERIFIED_BODY_MAX = 2_048;

type Refused = Extract<Outcome, { type: 'refused' }>;

/** What is known of a request so far; the journal and the log are written from it. */
interface Trace {
  readonly integration: LiveIntegration;
  readonly request: CallbackRequest;
  readonly startedAt: number;
  readonly receivedAt: Date;
  verified: boolean;
  callback: BoundCallback | undefined;
  command: Exclude<CallbackCommand, string> | undefined;
  /** The one-time token it carries, which is written nowhere. */
  launchToken: string | undefined;
  /** What its launch token was found to belong to. */
  play: LaunchedPlay | undefined;
  /** When it was handed to the ledger, decided there, and known to be committed; 0 while it was not. */
  handedAt: number;
  decidedAt: number;
  settledAt: number;
}

/** The way of one callback from its bytes to its answer. Never throws: what goes wrong is answered in the dialect. */
export type Pipeline = (integration: LiveIntegration, request: CallbackRequest) => Promise<Reply>;

export function createPipeline(options: PipelineOptions): Pipeline {
  return async (integration, request) => {
    const trace = openTrace(integration, request);
    const read = readMessage(trace);
    if (typeof read === 'string') return refuseEarly(trace, read, options);
    return executeMessage(trace, read, options);
  };
}

/** Refuses a request that the pipeline never saw whole, such as one over the size limit. */
export function refuseUnread(
  integration: LiveIntegration,
  request: CallbackRequest,
  code: WalletErrorCode,
  options: PipelineOptions,
): Reply {
  return refuseEarly(openTrace(integration, request), code, options);
}

function openTrace(integration: LiveIntegration, request: CallbackRequest): Trace {
  return {
    integration,
    request,
    startedAt: performance.now(),
    receivedAt: new Date(),
    verified: false,
    callback: undefined,
    command: undefined,
    launchToken: undefined,
    play: undefined,
    handedAt: 0,
    decidedAt: 0,
    settledAt: 0,
  };
}

/** Steps 2 to 4: who calls, what it says, which command that is. Nothing of the body is read before it is verified. */
function readMessage(trace: Trace): BoundMessage | WalletErrorCode {
  const { adapter } = trace.integration;
  const verified = adapter.signer.verify(trace.request);
  if (verified === undefined) return 'UNAUTHENTICATED';
  trace.verified = true;
  if (!adapter.methods.includes(verified.method)) return 'UNKNOWN_CALLBACK';
  const json = parseJson(verified.body);
  if (!json.ok) return 'MALFORMED';
  trace.callback = dispatch(adapter, verified.path, json.value);
  if (trace.callback === undefined) return 'UNKNOWN_CALLBACK';
  return trace.callback.read(json.value) ?? 'MALFORMED';
}

async function executeMessage(trace: Trace, message: BoundMessage, options: PipelineOptions): Promise<Reply> {
  const { adapter } = trace.integration;
  trace.launchToken = message.launchToken;
  const command = await commandOf(trace, message, options);
  if (typeof command === 'string') return refuseEarly(trace, command, options);
  trace.command = command;
  if (command.kind === 'refusal') return refuseEarly(trace, command.code, options, command.flags);
  if (command.kind === 'notice') return acknowledge(trace, message, options);
  const answer = (outcome: Outcome): Reply =>
    outcome.type === 'refused'
      ? adapter.refuse(outcome.code, { callback: trace.callback?.name, outcome })
      : message.reply(outcome, trace.play);
  // The answer is decided inside the unit of work, so that the journal row holds it; it is sent after COMMIT.
  let decided: { outcome: Outcome; reply: Reply } | undefined;
  trace.handedAt = performance.now();
  const { outcome, journaled, inDoubt } = await options.ledger.execute(command, {
    policy: message.policy,
    deadlineMs: command.kind === 'bet' ? adapter.deadlineMs.bet : adapter.deadlineMs.other,
    journal: (decision) => {
      decided = { outcome: decision, reply: answer(decision) };
      trace.decidedAt = performance.now();
      return journalRow(trace, decision, decided.reply);
    },
  });
  trace.settledAt = performance.now();
  const known = decided?.outcome === outcome ? decided.reply : answer(outcome);
  // Whether it counts nobody could find out. A refusal may be a lie, and in some dialects it is final; silence never is.
  const reply = inDoubt === true ? closeConnection : known;
  if (!journaled) options.journal.append(journalRow(trace, outcome, reply));
  tellRoundEnd(trace, outcome, options);
  observe(trace, outcome, options);
  return reply;
}

/** Step 4. The token is redeemed here, where the database may be asked. */
async function commandOf(
  trace: Trace,
  message: BoundMessage,
  { redeem, failed }: PipelineOptions,
): Promise<CallbackCommand> {
  if (message.launchToken === undefined) return message.command(undefined);
  try {
    trace.play = await redeem(trace.integration.id, message.launchToken);
    return trace.play === undefined ? 'SESSION_UNKNOWN' : message.command(trace.play);
  } catch (error) {
    failed('A launch token could not be looked up', error);
    return 'UNAVAILABLE';
  }
}

/** A notice moves nothing, so its answer waits for nothing. */
function acknowledge(trace: Trace, message: BoundMessage, options: PipelineOptions): Reply {
  const outcome: Outcome = { type: 'done', balance: undefined, flags: [] };
  const reply = message.reply(outcome, undefined);
  options.journal.append(journalRow(trace, outcome, reply));
  tellRoundEnd(trace, outcome, options);
  observe(trace, outcome, options);
  return reply;
}

/** A provider that was refused says it again, or was not believed. */
function tellRoundEnd({ command, integration }: Trace, outcome: Outcome, { roundEnded }: PipelineOptions): void {
  if (command === undefined || !('closesRound' in command) || command.closesRound !== true) return;
  if (outcome.type === 'refused' || command.round === undefined) return;
  const { round, player } = command;
  roundEnded?.({ brand: integration.brand, integration: integration.id, round, player });
}

function refuseEarly(
  trace: Trace,
  code: WalletErrorCode,
  options: PipelineOptions,
  flags: readonly Flag[] = [],
): Reply {
  const outcome: Refused = { type: 'refused', code, balance: undefined, flags };
  const reply = trace.integration.adapter.refuse(code, { callback: trace.callback?.name });
  options.journal.append(journalRow(trace, outcome, reply));
  observe(trace, outcome, options);
  return reply;
}

function journalRow(trace: Trace, outcome: Outcome, reply: Reply): CallbackRow {
  const { integration, request, verified, launchToken } = trace;
  const money = outcome.type === 'applied' || outcome.type === 'replayed' ? outcome.receipt : outcome.balance;
  return {
    lane: money?.lane ?? laneOf(integration.brand, roundOf(trace) ?? integration.id),
    receivedAt: trace.receivedAt,
    integration: integration.id,
    name: trace.callback?.name ?? null,
    path: hideInText(integration.adapter.signer.publicPath?.(request.path) ?? request.path, launchToken).slice(0, 255),
    body: verified ? hideInBody(request.body, launchToken) : request.body.subarray(0, UNVERIFIED_BODY_MAX),
    verdict: verdictOf(outcome),
    flags: outcome.flags,
    status: reply === closeConnection ? null : reply.status,
    answer: reply === closeConnection ? null : hideInText(reply.body, launchToken),
    durationUs: Math.round((performance.now() - trace.startedAt) * 1_000),
    walletId: money?.walletId ?? null,
    // A refusal moved nothing, so it points at the wallet only.
    sequence: outcome.type === 'applied' || outcome.type === 'replayed' ? outcome.receipt.sequence : null,
  };
}

/** Notices of a round share its lane. */
function roundOf({ command }: Trace): string | undefined {
  return command?.kind === 'notice' ? command.round : undefined;
}

function verdictOf(outcome: Outcome): string {
  switch (outcome.type) {
    case 'applied':
    case 'done':
      return 'ok';
    case 'replayed':
      return 'repeat';
    case 'refused':
      return outcome.code;
  }
}

function observe(trace: Trace, outcome: Outcome, options: PipelineOptions): void {
  const { command, handedAt, decidedAt, settledAt } = trace;
  options.observed(
    new ObservedCallback(
      trace.integration.id,
      trace.callback?.name,
      command !== undefined && 'key' in command ? command.key : undefined,
      verdictOf(outcome),
      Math.round((performance.now() - trace.startedAt) * 1_000) / 1_000,
      outcome.flags.length === 0 ? undefined : outcome.flags,
      {
        receivedAt: trace.receivedAt,
        waitMs: decidedAt === 0 ? undefined : decidedAt - handedAt,
        commitMs: decidedAt === 0 ? undefined : settledAt - decidedAt,
        player: command !== undefined && 'player' in command ? command.player : undefined,
        play: playOf(command),
      },
    ),
  );
}

/** Messages of one round share it. Without a round they share the bet: its own key, or the one that they name. */
function playOf(command: Trace['command']): string | undefined {
  if (command === undefined) return undefined;
  if ('round' in command && command.round !== undefined) return command.round;
  if (command.kind === 'rollback') return command.target;
  if (command.kind === 'win' && typeof command.pays === 'object') return command.pays.bet;
  return 'key' in command ? command.key : undefined;
}
