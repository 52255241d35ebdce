import { type Bindings, type ChildLoggerOptions, type DestinationStream, type Logger as PinoLogger, pino } from 'pino';

export { Secret } from './secret.js';

export type Logger = PinoLogger;

export interface LoggerOptions {
  readonly level: string;
  /** In production stacks stay out of the log. */
  readonly production?: boolean;
  /** Default: standard output. */
  readonly destination?: DestinationStream;
}

const BLOCK_BYTES = 8_192;
const FLUSH_MS = 100;
const EXIT_FLUSH_MS = 300;
const depthMax = 8;
const errorTextMax = 2_000;

/** Names whose values are never written, whatever holds them. `Secret` covers by type what passes through our own code. */
const secretName =
  /^(authorization|proxy-authorization|cookie|set-cookie|x-security-hash|x-securty-hash|.*(password|passphrase|secret|signature|token|securityhash|security_hash|api[-_]?key|private[-_]?key))s?$/i;

/** One line of JSON per event. */
export function createLogger({ level, production = false, destination }: LoggerOptions): Logger {
  const options = {
    level,
    base: null,
    timestamp: createTimestamp(),
    serializers: { err: (error: unknown) => describeError(error, production) },
    formatters: {
      level: (label: string) => ({ level: label }),
      log: redactRecord,
    },
  };
  return redactChildren(pino(options, destination ?? standardOutput()));
}

/**
 * Lines are written in blocks, a moment later: a system call for each would cost more than the line.
 * They are handed on as bytes: of text, the stream below measures all that waits again at each line.
 */
function standardOutput(): Blocks {
  const blocks = pino.destination({
    dest: 1,
    sync: false,
    minLength: BLOCK_BYTES,
    periodicFlush: FLUSH_MS,
    contentMode: 'buffer',
  });
  // Its types know of text only.
  const write = blocks.write.bind(blocks) as unknown as (line: Buffer) => boolean;
  return {
    write(line) {
      write(Buffer.from(line));
    },
    flush: (done) => blocks.flush(done),
    flushSync: () => blocks.flushSync(),
  };
}

/** What a logger asks of its stream: to write all at the end, and at once what is fatal. */
interface Blocks extends DestinationStream {
  flush(done: () => void): void;
  flushSync(): void;
}

/** Ends the process when all that was logged is written, or cannot be: a reader that stands still holds nobody up. */
export function exit(logger: Logger, code: number): void {
  setTimeout(() => process.exit(code), EXIT_FLUSH_MS);
  logger.flush(() => process.exit(code));
}

/** The time in ISO 8601, written once for all lines of a millisecond. */
function createTimestamp(): () => string {
  let at = Number.NaN;
  let text = '';
  return () => {
    const now = Date.now();
    if (now !== at) {
      at = now;
      text = `,"time":"${new Date(now).toISOString()}"`;
    }
    return text;
  };
}

/** pino runs no formatter over a child's bindings; children inherit this method, so theirs are covered too. */
function redactChildren(logger: Logger): Logger {
  const makeChild: unknown = Reflect.get(logger, 'child');
  if (typeof makeChild !== 'function') throw new TypeError('A pino logger without child().');
  return Object.defineProperty(logger, 'child', {
    value(this: Logger, bindings: Bindings, options?: ChildLoggerOptions): unknown {
      return Reflect.apply(makeChild, this, [redactRecord(bindings), options]);
    },
  });
}

/** A record whose class says all that is in it, and that none of it is secret: it is written without being looked through. */
export abstract class PublicRecord {
  /** For the compiler alone: nothing else passes for one. */
  declare protected readonly isPublic: true;
}

function redactRecord(record: Record<string, unknown>): Record<string, unknown> {
  if (record instanceof PublicRecord) return record;
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, redact(name, value, 1)]));
}

function redact(name: string, value: unknown, depth: number): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value === undefined || value === null || typeof value === 'boolean' || typeof value === 'number') return value;
  if (secretName.test(name)) return '[secret]';
  if (typeof value !== 'object') return value;
  if (depth >= depthMax) return '[deep]';
  if (Array.isArray(value)) return value.map((each) => redact('', each, depth + 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  // Objects of a class print themselves: `Secret`, dates, errors under their serialiser.
  if (prototype !== Object.prototype && prototype !== null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, redact(key, each, depth + 1)]));
}

/** Errors of drivers carry rows and statements as properties; only what is named here is written. */
function describeError(error: unknown, production: boolean, depth = 0): unknown {
  // A cause may be anything that was thrown.
  if (!(error instanceof Error)) return redact('', error, depth + 1);
  return {
    type: error.name,
    message: error.message.slice(0, errorTextMax),
    ...('code' in error && typeof error.code === 'string' && { code: error.code }),
    ...(!production && error.stack !== undefined && { stack: error.stack }),
    ...(error.cause !== undefined && depth < 3 && { cause: describeError(error.cause, production, depth + 1) }),
  };
}
