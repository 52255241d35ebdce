import type { BoundAdapter, BoundCallback, BoundMessage, CallbackRequest, Reply } from '../adapters/contract.js';
import { closeConnection } from '../adapters/contract.js';
import { parseJson } from '../adapters/kit/json.js';
import type { Outcome, WalletCommand } from '../ledger/commands.js';
import type { WalletErrorCode } from '../ledger/errors.js';
import { laneOf } from '../ledger/lanes.js';
import type { Ledger } from '../ledger/ledger.js';
import type { CallbackRow } from '../ledger/statements.js';
import { PublicRecord } from '../observability/logger.js';
import { dispatch } from './dispatch.js';
import type { Journal } from './journal.js';

/** An integration as the callback routes know it. */
export interface LiveIntegration {
  readonly id: string;
  readonly brand: string;
  readonly adapter: BoundAdapter;
}

export interface PipelineOptions {
  readonly ledger: Pick<Ledger, 'execute'>;
  readonly journal: Journal;
  /** Called once per callback, after the answer is decided. */
  readonly observed: (callback: ObservedCallback) => void;
  /** Called for a fault of the gateway itself; the provider gets no answer, and so repeats. */
  readonly failed: (message: string, error: unknown) => void;
}

/** What the log says of a callback. */
export class ObservedCallback extends PublicRecord {
  constructor(
    readonly integration: string,
    readonly callback: string | undefined,
    readonly key: string | undefined,
    readonly verdict: string,
    readonly ms: number,
  ) {
    super();
  }
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
  command: WalletCommand | undefined;
}

/** The way of one callback from its bytes to its answer. Never throws: what goes wrong is answered in the dialect. */
export type Pipeline = (integration: LiveIntegration, request: CallbackRequest) => Promise<Reply>;

export function createPipeline(options: PipelineOptions): Pipeline {
  return async (integration, request) => {
    const trace: Trace = {
      integration,
      request,
      startedAt: performance.now(),
      receivedAt: new Date(),
      verified: false,
      callback: undefined,
      command: undefined,
    };
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
  const now = { startedAt: performance.now(), receivedAt: new Date() };
  return refuseEarly(
    { integration, request, ...now, verified: false, callback: undefined, command: undefined },
    code,
    options,
  );
}

/** Steps 2 to 4: who calls, what it says, which command that is. Nothing of the body is read before it is verified. */
function readMessage(trace: Trace): BoundMessage | WalletErrorCode {
  const { adapter } = trace.integration;
  const verified = adapter.signer.verify(trace.request);
  if (verified === undefined) return 'UNAUTHENTICATED';
  trace.verified = true;
  if (verified.method !== 'POST') return 'UNKNOWN_CALLBACK';
  const json = parseJson(verified.body);
  if (!json.ok) return 'MALFORMED';
  trace.callback = dispatch(adapter, verified.path, json.value);
  if (trace.callback === undefined) return 'UNKNOWN_CALLBACK';
  return trace.callback.read(json.value) ?? 'MALFORMED';
}

async function executeMessage(trace: Trace, message: BoundMessage, options: PipelineOptions): Promise<Reply> {
  const { adapter } = trace.integration;
  const { command } = message;
  trace.command = command;
  const answer = (outcome: Outcome): Reply =>
    outcome.type === 'refused'
      ? adapter.refuse(outcome.code, { callback: trace.callback?.name, outcome })
      : message.reply(outcome);
  // The answer is decided inside the unit of work, so that the journal row holds it; it is sent after COMMIT.
  let decided: { outcome: Outcome; reply: Reply } | undefined;
  const { outcome, journaled, inDoubt } = await options.ledger.execute(command, {
    policy: adapter.policy,
    deadlineMs: command.kind === 'bet' ? adapter.deadlineMs.bet : adapter.deadlineMs.other,
    journal: (decision) => {
      decided = { outcome: decision, reply: answer(decision) };
      return journalRow(trace, decision, decided.reply);
    },
  });
  const known = decided?.outcome === outcome ? decided.reply : answer(outcome);
  // Whether it counts nobody could find out. A refusal may be a lie, and in some dialects it is final; silence never is.
  const reply = inDoubt === true ? closeConnection : known;
  if (!journaled) options.journal.append(journalRow(trace, outcome, reply));
  observe(trace, outcome, options);
  return reply;
}

function refuseEarly(trace: Trace, code: WalletErrorCode, options: PipelineOptions): Reply {
  const outcome: Refused = { type: 'refused', code, balance: undefined, flags: [] };
  const reply = trace.integration.adapter.refuse(code, { callback: trace.callback?.name });
  options.journal.append(journalRow(trace, outcome, reply));
  observe(trace, outcome, options);
  return reply;
}

function journalRow(trace: Trace, outcome: Outcome, reply: Reply): CallbackRow {
  const { integration, request, verified } = trace;
  const money = outcome.type === 'refused' || outcome.type === 'done' ? outcome.balance : outcome.receipt;
  return {
    lane: money?.lane ?? laneOf(integration.brand, integration.id),
    receivedAt: trace.receivedAt,
    integration: integration.id,
    name: trace.callback?.name ?? null,
    path: request.path.slice(0, 255),
    body: verified ? request.body : request.body.subarray(0, UNVERIFIED_BODY_MAX),
    verdict: verdictOf(outcome),
    flags: outcome.flags,
    status: reply === closeConnection ? null : reply.status,
    answer: reply === closeConnection ? null : reply.body,
    durationUs: Math.round((performance.now() - trace.startedAt) * 1_000),
    walletId: money?.walletId ?? null,
    // A refusal moved nothing, so it points at the wallet only.
    sequence: outcome.type === 'applied' || outcome.type === 'replayed' ? outcome.receipt.sequence : null,
  };
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
  const { command } = trace;
  options.observed(
    new ObservedCallback(
      trace.integration.id,
      trace.callback?.name,
      command !== undefined && 'key' in command ? command.key : undefined,
      verdictOf(outcome),
      Math.round((performance.now() - trace.startedAt) * 1_000) / 1_000,
    ),
  );
}
