import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * A wallet that is not this gateway: a page of code that somebody might have written for the template's protocol, with the
 * mistakes that such code has, each by a switch. It counts in millionths.
 */

export type Mistake =
  | 'takes unsigned requests'
  | 'signs the re-serialised body'
  | 'debits repeats'
  | 'answers repeats anew'
  | 'ignores other facts'
  | 'lets the balance go below zero'
  | 'takes late bets'
  | 'gives rollbacks twice'
  | 'gives what the rollback states'
  | 'counts in cents'
  | 'takes negative amounts'
  | 'takes the last of two equal keys'
  | 'shows its stack'
  | 'refuses unknown fields'
  | 'is slow';

export interface ForeignWallet {
  readonly url: string;
  close(): Promise<void>;
}

interface Movement {
  readonly id: string;
  readonly player: string;
  readonly amount: string;
  readonly bet?: string;
}

interface Account {
  balance: bigint;
  readonly answers: Map<string, { facts: string; body: string }>;
  readonly bets: Map<string, { amount: bigint; rolledBack: boolean; paid: boolean }>;
  readonly tombstones: Set<string>;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

const FIELDS = new Set(['id', 'player', 'currency', 'amount', 'round', 'game', 'bet']);
/** Every fifth bet waits this long. */
const SLOW_MS = 400;

export async function openForeignWallet(options: {
  secret: string;
  player: string;
  mistakes?: readonly Mistake[];
}): Promise<ForeignWallet> {
  const makes = new Set(options.mistakes ?? []);
  const account: Account = {
    balance: units('1000.00'),
    answers: new Map(),
    bets: new Map(),
    tombstones: new Set(),
  };

  function handle(path: string, signature: string | undefined, raw: string): Answer {
    const text = makes.has('signs the re-serialised body') ? reserialised(raw) : raw;
    const proof = createHmac('sha256', options.secret).update(text).digest('hex');
    if (!makes.has('takes unsigned requests') && signature !== proof) return error(401, 'bad_signature');
    let message: Movement;
    try {
      if (!makes.has('takes the last of two equal keys') && /("[a-z]+"):.*\1:/.test(raw))
        throw new SyntaxError('twice');
      message = JSON.parse(raw) as Movement;
    } catch (fault) {
      const stack = fault instanceof Error ? `${fault.stack}\n    at wallet.js:1:1` : '';
      return makes.has('shows its stack') ? { status: 400, body: stack } : error(400, 'bad_request');
    }
    if (makes.has('refuses unknown fields') && Object.keys(message).some((field) => !FIELDS.has(field))) {
      return error(400, 'bad_request');
    }
    if (message.player !== options.player) return error(404, 'unknown_player');
    return path === '/balance' ? ok(account) : move(path.slice(1), message);
  }

  function move(kind: string, message: Movement): Answer {
    const sign = message.amount.startsWith('-');
    if (!/^-?\d+(\.\d{1,6})?$/.test(message.amount) || (sign && !makes.has('takes negative amounts'))) {
      return error(400, 'bad_request');
    }
    const amount = makes.has('counts in cents') ? floorCents(units(message.amount)) : units(message.amount);
    const facts = `${kind} ${makes.has('ignores other facts') ? '' : message.amount} ${message.bet ?? ''}`;
    const before = account.answers.get(message.id);
    if (before !== undefined && !makes.has('debits repeats')) {
      if (before.facts !== facts) return error(409, 'conflict');
      return makes.has('answers repeats anew') ? ok(account, message.id) : { status: 200, body: before.body };
    }
    const refusal = apply(kind, message, amount);
    if (refusal !== undefined) return refusal;
    const answer = ok(account, message.id);
    account.answers.set(message.id, { facts, body: answer.body });
    return answer;
  }

  function apply(kind: string, message: Movement, amount: bigint): Answer | undefined {
    const bet = account.bets.get(message.bet ?? '');
    switch (kind) {
      case 'bet':
        if (account.tombstones.has(message.id) && !makes.has('takes late bets')) return error(409, 'rolled_back');
        if (account.balance < amount && !makes.has('lets the balance go below zero')) {
          return error(402, 'insufficient_funds');
        }
        account.balance -= amount;
        account.bets.set(message.id, { amount, rolledBack: false, paid: false });
        return undefined;
      case 'win':
        account.balance += amount;
        if (bet !== undefined) bet.paid = true;
        return undefined;
      default:
        if (bet?.paid === true) return error(409, 'conflict');
        // What is no bet may be a win, which this protocol does not roll back.
        if (bet === undefined && account.answers.has(message.bet ?? '')) return error(409, 'conflict');
        if (bet === undefined) account.tombstones.add(message.bet ?? '');
        else if (!bet.rolledBack || makes.has('gives rollbacks twice')) {
          account.balance += makes.has('gives what the rollback states') ? amount : bet.amount;
          bet.rolledBack = true;
        }
        return undefined;
    }
  }

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const raw = await read(request);
    const signature = request.headers['x-signature'];
    const { status, body } = handle(request.url ?? '', typeof signature === 'string' ? signature : undefined, raw);
    if (makes.has('is slow') && account.bets.size % 5 === 4) await delay(SLOW_MS);
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  }

  const server = createServer((request, response) => void respond(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function reserialised(raw: string): string {
  try {
    return JSON.stringify(JSON.parse(raw));
  } catch {
    return raw;
  }
}

function units(text: string): bigint {
  const [whole = '0', fraction = ''] = text.replace('-', '').split('.');
  const amount = BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, '0').slice(0, 6));
  return text.startsWith('-') ? -amount : amount;
}

/** The mistake of whoever keeps money in a float and rounds it: three times 0.10 is not 0.30. */
function floorCents(amount: bigint): bigint {
  return amount === 10_000n ? 0n : amount;
}

function ok(account: Account, transaction?: string): Answer {
  const cents = account.balance / 10_000n;
  const sign = cents < 0n ? '-' : '';
  const digits = String(cents < 0n ? -cents : cents).padStart(3, '0');
  const balance = `${sign}${digits.slice(0, -2)}.${digits.slice(-2)}`;
  return { status: 200, body: JSON.stringify({ status: 'ok', balance, ...(transaction && { transaction }) }) };
}

function error(status: number, word: string): Answer {
  return { status, body: JSON.stringify({ status: 'error', error: word }) };
}
