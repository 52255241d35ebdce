import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { IgpxSettings, igpxSigner } from '../../src/adapters/igpx/index.js';
import type { Config } from '../../src/config.js';
import { formatUnits } from '../../src/ledger/money.js';
import type { TestDatabase } from '../support/database.js';
import { testWorld } from '../support/database.js';

/** The provider's side of the wire, honest or not, and a look at what it left behind. */

/** What came back: an answer, or a connection that was closed without one. */
export type Answer = { readonly status: number; readonly body: string } | 'closed';

/** The dialect's word for anything but missing funds. */
export const refused = { status: 200, body: '{"error":"INTERNAL_ERROR"}' } satisfies Answer;
export const tooPoor = { status: 200, body: '{"error":"INSUFFICIENT_FUNDS"}' } satisfies Answer;

export function sign(body: string | Buffer, secret: string): Record<string, string> {
  const request = { method: 'POST', path: '', query: '', headers: {}, body: Buffer.from(body) };
  return { ...igpxSigner({ securityHash: [secret] }).sign(request).headers };
}

export interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Buffer;
  /** Without one, the connection ends with the answer. */
  readonly agent?: Agent;
}

/** Sends one request with its path exactly as given. */
export function send(
  url: string,
  path: string,
  { method = 'POST', headers = {}, body = '', agent }: Sent,
): Promise<Answer> {
  const { hostname, port } = new URL(url);
  const bytes = Buffer.from(body);
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const fields = { 'content-length': String(bytes.length), ...headers };
  const mutable = Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
  );
  const request = httpRequest({ hostname, port, path, method, headers: mutable, agent: agent ?? false }, (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
    response.on('error', () => resolve('closed'));
  });
  request.on('error', () => resolve('closed'));
  request.end(bytes);
  return promise;
}

/** Sends bytes as they are and reads until the gateway closes, or until what came matches `until`. */
export function sendBytes(
  url: string,
  bytes: string | Buffer,
  { until, end = false }: { until?: RegExp; end?: boolean } = {},
): Promise<string> {
  const { hostname, port } = new URL(url);
  const { promise, resolve } = Promise.withResolvers<string>();
  let read = '';
  const socket = connect(Number(port), hostname, () => {
    if (end) socket.end(bytes);
    else socket.write(bytes);
  });
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    read += chunk;
    if (until?.test(read) === true) socket.destroy();
  });
  socket.on('error', () => undefined);
  socket.on('close', () => resolve(read));
  return promise;
}

/** A request's head and body as bytes; `connection: close` unless told otherwise. */
export function rawRequest(
  head: { path: string; method?: string; headers: Readonly<Record<string, string>> },
  body: string | Buffer = '',
): Buffer {
  const fields = { host: 'gateway', connection: 'close', ...head.headers };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  const start = `${head.method ?? 'POST'} ${head.path} HTTP/1.1\r\n`;
  return Buffer.concat([Buffer.from(`${start}${lines.join('')}\r\n`, 'latin1'), Buffer.from(body)]);
}

export interface Facts {
  readonly transaction_id: string;
  readonly action?: string;
  readonly user_id: string;
  readonly currency?: string;
  readonly amount?: string;
  readonly rollback_transaction_id?: string;
}

/** A body with its fields in the order of the provider's samples. */
export function bodyOf(facts: Facts): string {
  const { transaction_id, rollback_transaction_id, user_id, currency = 'EUR', amount = '10.00' } = facts;
  const action = facts.action ?? (rollback_transaction_id === undefined ? 'bet' : 'rollback');
  const target = rollback_transaction_id === undefined ? {} : { rollback_transaction_id };
  return JSON.stringify({ transaction_id, ...target, action, user_id, currency, amount });
}

const settings = {
  apiUrl: 'http://127.0.0.1:1',
  apiVersion: '1.0.0',
  username: 'test',
  password: 'test-igpx-password-of-32-character',
};

/** The test world's integrations, with settings of their own; `securityHash` is due for each. */
export function integrationsWith(
  byId: Readonly<Record<string, { securityHash: readonly string[] } & Record<string, unknown>>>,
): Config['integrations'] {
  return testWorld.integrations
    .filter((each) => byId[each.id] !== undefined)
    .map((each) => ({ ...each, settings: IgpxSettings.parse({ ...settings, ...byId[each.id] }) }));
}

export interface LedgerRow {
  readonly lane: number;
  readonly wallet_id: string;
  readonly sequence: string;
  readonly integration: string;
  readonly external_key: string;
  readonly kind: string;
  readonly effect: string;
  readonly target: string | null;
  readonly undoes: string | null;
  readonly flags: readonly string[];
}

/** A player's movements in their order, without the deposit that funded the wallet. */
export async function movementsOf(database: TestDatabase, playerId: bigint): Promise<LedgerRow[]> {
  const { rows } = await database.owner.query<LedgerRow>(
    `select lane, wallet_id, sequence, integration, external_key, kind, effect, target, undoes, flags
     from ledger_transaction where player_id = $1 and kind <> 'deposit' order by wallet_id, sequence`,
    [playerId],
  );
  return rows;
}

/** Decimal text with at least two decimals, at the test world's scale of 6. */
export async function balanceOf(database: TestDatabase, walletId: bigint | undefined): Promise<string> {
  const { rows } = await database.owner.query<{ balance: string }>('select balance from wallet where id = $1', [
    walletId,
  ]);
  return formatUnits(BigInt(rows[0]?.balance ?? 0), 6, 2);
}

export async function countOf(database: TestDatabase, table: 'ledger_transaction' | 'callback'): Promise<number> {
  const { rows } = await database.owner.query<{ count: number }>(`select count(*)::int as count from ${table}`);
  return rows[0]?.count ?? 0;
}

export interface JournalRow {
  readonly name: string | null;
  readonly path: string;
  readonly body: Buffer;
  readonly verdict: string;
  readonly flags: readonly string[];
  readonly status: number | null;
  readonly answer: string | null;
  readonly duration_us: number;
  readonly wallet_id: string | null;
  readonly sequence: string | null;
}

/** What the journal says of the requests whose body begins so. */
export async function journalOf(database: TestDatabase, bodyStart: string | Buffer): Promise<JournalRow[]> {
  const start = Buffer.from(bodyStart);
  const { rows } = await database.owner.query<JournalRow>(
    `select name, path, body, verdict, flags, status, answer, duration_us, wallet_id, sequence
     from callback where substring(body from 1 for $2::int) = $1 order by received_at, id`,
    [start, start.length],
  );
  return rows;
}
