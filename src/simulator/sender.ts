import { setTimeout as delay } from 'node:timers/promises';
import type { WireRequest } from '../adapters/contract.js';
import type {
  ProviderMessage,
  ProviderMovement,
  ProviderVerdict,
  ProviderVoice,
  WireAnswer,
} from '../adapters/provider-side.js';
import { drawFault, type FaultKind, faultKinds, type Faults, noFaults } from './faults.js';
import type { Random } from './random.js';
import { openWire, type Wire } from './wire.js';

export interface SenderOptions {
  readonly voice: ProviderVoice;
  readonly callbackUrl: string;
  /** After this an attempt counts as not answered. */
  readonly timeoutMs: number;
  readonly faults?: Faults | undefined;
  /** Decides faults; `Math.random` unless told. */
  readonly random?: Random | undefined;
  /** Connections at once (64 unless told). */
  readonly socketsMax?: number | undefined;
  /** What all waits are multiplied by: those the document states, delays and holds; 1 unless told. */
  readonly patience?: number | undefined;
  /** The first of the numbers that ids are made from. Unless told it comes from the clock, so a restart repeats none. */
  readonly firstId?: number | undefined;
}

/** One request and what came back, as it went over the wire. */
export interface Exchange {
  /** What it says; undefined where the provider's API sent it by itself. */
  readonly message: ProviderMessage | undefined;
  readonly attempt: number;
  readonly request: WireRequest;
  /** The answer, or why there was none. */
  readonly outcome: WireAnswer | { readonly fault: string };
  /** What the answer means, also where the provider was made to miss it. An answer to the provider's API it reads itself. */
  readonly verdict: ProviderVerdict | 'no-answer' | undefined;
  /** What was done to it on purpose. */
  readonly fault: FaultKind | undefined;
  readonly durationMs: number;
}

/** What became of a message, as the provider knows it. */
export interface Delivery<Message extends ProviderMessage = ProviderMessage> {
  readonly message: Message;
  /** How often it was sent. */
  readonly attempts: number;
  readonly result: ProviderVerdict | 'no-answer';
  /** The rollback by which the provider took it back itself. */
  readonly undone: Delivery<ProviderMovement> | undefined;
}

/** How one message is sent, where that differs from the rest. */
export interface Course {
  readonly faults?: Faults | undefined;
  /** Happens to the first attempt, where it can; nothing happens to what follows. */
  readonly fault?: FaultKind | undefined;
  readonly random?: Random | undefined;
  /** Called after every exchange, also those of a rollback that follows. */
  readonly onExchange?: ((exchange: Exchange) => void) | undefined;
}

/** A provider that signs, sends, hears, and does afterwards what its document says. */
export interface Sender {
  deliver<Message extends ProviderMessage>(message: Message, course?: Course): Promise<Delivery<Message>>;
  /** Sends a callback that the provider's API has signed, once. */
  callBack(request: WireRequest, onExchange?: (exchange: Exchange) => void): Promise<WireAnswer | 'no-answer'>;
  rollbackOf(target: ProviderMovement): ProviderMovement;
  /** A number that was not given before, as text: for rounds. */
  newNumber(): string;
  newId(): string;
  /** Movements seen accepted, oldest first. */
  readonly accepted: () => readonly { readonly message: ProviderMovement; readonly at: Date }[];
  /** Ends waits and closes the connections. */
  close(): void;
}

const ACCEPTED_MAX = 10_000;
const DELAY_MS_MAX = 250;
/** A held movement goes when the player's next one was answered, or after this. */
const HOLD_MS_MAX = 3_000;
const IDS = 2 ** 40;

export function createSender(options: SenderOptions): Sender {
  const { voice, callbackUrl, timeoutMs, socketsMax = 64, patience = 1 } = options;
  const wire = openWire({ callbackUrl, timeoutMs, socketsMax });
  const closing = new AbortController();
  const held = createHeldBack(closing.signal, HOLD_MS_MAX * patience);
  const book = createAcceptedBook();
  const takeNumber = createNumbers(options.firstId);
  const attemptOnce = createAttempts(voice, wire);
  const pause = (ms: number): Promise<boolean> => delay(ms, true, { signal: closing.signal }).catch(() => false);

  async function sendUntilDone<Message extends ProviderMessage>(
    message: Message,
    fault: FaultKind | undefined,
    course: Course,
  ): Promise<Delivery<Message>> {
    const { faults, random } = drawnBy(course, options);
    for (let attempt = 1; ; attempt++) {
      const met = attempt === 1 ? fault : drawFault(laterFaults(faults), message.kind, voice.speaks, random);
      const result = await attemptOnce(message, attempt, met, course);
      book.note(message, result, attempt);
      const next = closing.signal.aborted ? { act: 'rest' as const } : voice.afterwards(message, attempt, result);
      if (next.act === 'roll-back' && message.kind !== 'balance') {
        return { message, attempts: attempt, result, undone: await deliver(rollbackOf(message), course) };
      }
      if (next.act !== 'repeat' || !(await pause(next.afterMs * patience))) {
        return { message, attempts: attempt, result, undone: undefined };
      }
    }
  }

  async function deliver<Message extends ProviderMessage>(
    message: Message,
    course: Course = {},
  ): Promise<Delivery<Message>> {
    const { faults, random } = drawnBy(course, options);
    const wanted = course.fault === undefined ? faults : { rate: 1, kinds: [course.fault] };
    const fault = drawFault(wanted, message.kind, voice.speaks, random);
    const lateMs = random() * DELAY_MS_MAX;
    const rest: Course = course.fault === undefined ? course : { ...course, fault: undefined, faults: noFaults };
    if (fault === 'rollback-first' && message.kind === 'bet') {
      const undone = await deliver(rollbackOf(message), { ...rest, faults: noFaults });
      return { ...(await sendUntilDone(message, fault, rest)), undone };
    }
    if (fault === 'delay') await pause(lateMs * patience);
    if (fault === 'reorder') await held.wait(message.player);
    const delivery = await sendUntilDone(message, fault, rest);
    held.release(message.player);
    return delivery;
  }

  function rollbackOf(target: ProviderMovement): ProviderMovement {
    return { ...target, kind: 'rollback', id: voice.newId(takeNumber()), target };
  }

  return {
    deliver,
    callBack: (request, onExchange) => callBack(wire, request, onExchange),
    rollbackOf,
    newNumber: () => String(takeNumber()),
    newId: () => voice.newId(takeNumber()),
    accepted: book.accepted,
    close() {
      closing.abort();
      wire.close();
    },
  };
}

function drawnBy(course: Course, options: SenderOptions): { faults: Faults; random: Random } {
  const faults = course.faults ?? options.faults ?? noFaults;
  return { faults, random: course.random ?? options.random ?? Math.random };
}

/** What happens to later attempts is drawn anew; their order is of no more interest. */
function laterFaults({ rate, kinds = faultKinds }: Faults): Faults {
  return { rate, kinds: kinds.filter((each) => each === 'lose-answer' || each === 'duplicate') };
}

async function send(wire: Wire, request: WireRequest): Promise<Pick<Exchange, 'outcome' | 'durationMs'>> {
  const startedAt = performance.now();
  const outcome = await wire.send(request).catch((error: unknown) => ({
    fault: error instanceof Error ? error.message : String(error),
  }));
  return { outcome, durationMs: performance.now() - startedAt };
}

async function callBack(
  wire: Wire,
  request: WireRequest,
  onExchange: Course['onExchange'],
): Promise<WireAnswer | 'no-answer'> {
  const done = await send(wire, request);
  const verdict = 'fault' in done.outcome ? 'no-answer' : undefined;
  onExchange?.({ message: undefined, attempt: 1, request, verdict, fault: undefined, ...done });
  return 'fault' in done.outcome ? 'no-answer' : done.outcome;
}

/** One attempt of a message, with what happens to it. @returns what the provider takes the answer to be */
function createAttempts(voice: ProviderVoice, wire: Wire) {
  return async (
    message: ProviderMessage,
    attempt: number,
    fault: FaultKind | undefined,
    { onExchange }: Course,
  ): Promise<Delivery['result']> => {
    const request = voice.signer.sign(voice.say(message));
    const exchange = async (): Promise<Delivery['result']> => {
      const done = await send(wire, request);
      const verdict = 'fault' in done.outcome ? 'no-answer' : voice.hear(message, done.outcome);
      onExchange?.({ message, attempt, request, verdict, fault, ...done });
      return verdict;
    };
    // Of two identical requests the provider looks at the better answer, as it does not know which it was.
    const verdicts = await Promise.all(fault === 'duplicate' ? [exchange(), exchange()] : [exchange()]);
    if (fault === 'lose-answer') return 'no-answer';
    return verdicts.find((each) => each !== 'no-answer' && each.type === 'accepted') ?? verdicts[0] ?? 'no-answer';
  };
}

function createAcceptedBook() {
  const accepted: { readonly message: ProviderMovement; readonly at: Date }[] = [];
  return {
    accepted: () => accepted,
    note(message: ProviderMessage, result: Delivery['result'], attempt: number): void {
      if (message.kind === 'balance' || !isSettled(result, attempt)) return;
      accepted.push({ message, at: new Date() });
      if (accepted.length > ACCEPTED_MAX) accepted.shift();
    },
  };
}

/** Accepted; or known already to an operator that was sent it before. */
export function isSettled(result: Delivery['result'], attempts: number): boolean {
  if (result === 'no-answer') return false;
  return result.type === 'accepted' || (result.type === 'refused' && result.why === 'duplicate' && attempts > 1);
}

/** Movements that wait until the player's next one was answered. */
function createHeldBack(closing: AbortSignal, holdMsMax: number) {
  const waiting = new Map<string, Set<() => void>>();
  return {
    async wait(player: string): Promise<void> {
      const next = new AbortController();
      const free = (): void => next.abort();
      const those = waiting.get(player) ?? new Set();
      waiting.set(player, those.add(free));
      await delay(holdMsMax, undefined, { signal: AbortSignal.any([next.signal, closing]) }).catch(() => undefined);
      those.delete(free);
      if (those.size === 0) waiting.delete(player);
    },
    release(player: string): void {
      for (const free of waiting.get(player) ?? []) free();
    },
  };
}

/** Whole numbers, each once, from the clock on unless told: four a millisecond, so years pass before they come round. */
function createNumbers(first = (((Date.now() - Date.UTC(2_026, 0)) * 4) % (IDS - 1)) + 1): () => number {
  let next = first;
  return () => {
    const number = next;
    next = (next % (IDS - 1)) + 1;
    return number;
  };
}
