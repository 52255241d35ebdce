import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { type ChainedRow, chainHash } from '../../src/ledger/chain.js';
import type { TestDatabase, TestPlayer } from '../support/database.js';
import type { Random } from '../support/random.js';

/** The moments of the tests: an hour long ago, so that what the tests themselves do lies outside. */
export const FROM = new Date('2026-03-01T00:00:00.000Z');
export const TO = new Date('2026-03-01T01:00:00.000Z');
export const SPAN = `from=${FROM.toISOString()}&to=${TO.toISOString()}`;

const NAMES = [
  'plain',
  '=1+1',
  "o'clock",
  'two\nlines',
  'a,"b"',
  'back\\slash\tand tab',
  '☃ snow',
  '@cmd',
  "'quoted",
] as const;

/**
 * Play of the past, with a true chain, so that the audit has nothing to find. Times repeat and run backwards, as those of
 * several gateways do.
 * @param from, to when it was received
 */
export async function writeHistory(
  { owner }: TestDatabase,
  player: TestPlayer,
  options: {
    count: number;
    random: Random;
    from?: Date;
    to?: Date;
    integrations?: readonly [string, ...string[]];
    prefix?: string;
  },
): Promise<void> {
  const { count, random, from = FROM, to = TO, integrations = ['igpx-demo', 'igpx-second'], prefix = 'past' } = options;
  const [walletId = 0n] = player.wallets.values();
  const client = await owner.connect();
  try {
    await client.query('begin');
    await client.query('select number from lane where lane = $1 for update', [player.lane]);
    const wallets = await client.query<{ balance: string; sequence: string; head: Buffer }>(
      'select balance, sequence, head from wallet where lane = $1 and id = $2',
      [player.lane, walletId],
    );
    const [wallet] = wallets.rows;
    if (wallet === undefined) throw new Error('The player has no wallet');
    let head = wallet.head;
    let balanceAfter = BigInt(wallet.balance);
    const first = BigInt(wallet.sequence) + 1n;
    const seconds = Math.floor((to.getTime() - from.getTime()) / 1_000);
    const rows = Array.from({ length: count }, (_, index) => {
      const effect = index % 2 === 0 ? -BigInt(random.below(3)) * 1_000n : BigInt(random.below(3_000_000));
      balanceAfter += effect;
      const row: ChainedRow = {
        lane: player.lane,
        walletId,
        playerId: player.id,
        sequence: first + BigInt(index),
        integration: random.pick(integrations),
        externalKey: `${prefix}-${index}`,
        kind: index % 2 === 0 ? 'bet' : 'win',
        effect,
        stated: effect < 0n ? -effect : effect,
        rest: null,
        balanceAfter,
        target: null,
        undoes: null,
        resolves: null,
        round: `${random.pick(NAMES)} ${index}`,
        game: index % 7 === 0 ? null : random.pick(NAMES),
        displayAt: null,
        flags: [],
        createdAt: new Date(from.getTime() + random.below(seconds) * 1_000),
      };
      head = chainHash(head, row);
      return { ...row, hash: head };
    });
    const column = <Value>(read: (row: (typeof rows)[number]) => Value): Value[] => rows.map(read);
    await client.query(
      `insert into ledger_transaction (lane, wallet_id, sequence, player_id, integration, external_key, kind, effect, stated,
         balance_after, round, game, flags, created_at, hash)
       select $1, $2, sequence, $3, integration, external_key, kind, effect, abs(effect), balance_after, round, game, '{}', created_at, hash
       from unnest($4::bigint[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::bigint[], $10::text[], $11::text[],
         $12::timestamptz[], $13::bytea[])
         r (sequence, integration, external_key, kind, effect, balance_after, round, game, created_at, hash)`,
      [
        player.lane,
        walletId,
        player.id,
        column((row) => row.sequence),
        column((row) => row.integration),
        column((row) => row.externalKey),
        column((row) => row.kind),
        column((row) => row.effect),
        column((row) => row.balanceAfter),
        column((row) => row.round),
        column((row) => row.game),
        column((row) => row.createdAt.toISOString()),
        column((row) => row.hash),
      ],
    );
    const last = first + BigInt(count) - 1n;
    await client.query('update wallet set balance = $3, sequence = $4, head = $5 where lane = $1 and id = $2', [
      player.lane,
      walletId,
      balanceAfter,
      last,
      head,
    ]);
    await client.query(
      `with unit as (update lane set number = number + 1 where lane = $1 returning number)
       insert into unit_of_work (lane, number, wallet_ids, first_sequences, sequences, created_at)
       select $1, number, array[$2::bigint], array[$3::bigint], array[$4::bigint], now() from unit`,
      [player.lane, walletId, first, last],
    );
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  } finally {
    client.release();
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly trailers: IncomingMessage['trailers'];
  readonly body: Buffer;
  /** Whether the answer came to its end. */
  readonly whole: boolean;
}

/** @param cutAfter leaves when so many bytes have come */
export function download(
  url: string,
  token: string | undefined,
  options: { method?: string; cutAfter?: number; onData?: (bytes: number, response: IncomingMessage) => void } = {},
): Promise<Answer> {
  const { method = 'GET', cutAfter = Infinity, onData } = options;
  return new Promise((resolve, reject) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const request = httpRequest(url, { method, headers, agent: false }, (response) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      response.on('data', (part: Buffer) => {
        parts.push(part);
        bytes += part.length;
        onData?.(bytes, response);
        if (bytes >= cutAfter) response.destroy();
      });
      // A connection that broke tells so by an error first; then it is closed.
      response.on('error', () => undefined);
      response.on('close', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          trailers: response.trailers,
          body: Buffer.concat(parts),
          whole: response.complete,
        }),
      );
    });
    request.on('error', reject);
    request.end();
  });
}

/** RFC 4180, without a library: the tests read what they are given by the letter. */
export function parseCsv(text: string): Record<string, string>[] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = '';
  let quoted = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index] ?? '';
    if (quoted) {
      if (character !== '"') cell += character;
      else if (text[index + 1] === '"') cell += text[(index += 1)] ?? '';
      else quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === ',' || character === '\n') {
      row.push(cell);
      cell = '';
      if (character === '\n') {
        rows.push(row);
        row = [];
      }
    } else cell += character;
  }
  if (cell !== '' || row.length > 0) throw new Error('The last line has no end');
  const [header = [], ...body] = rows;
  return body.map((cells) => {
    if (cells.length !== header.length) throw new Error(`A line has ${cells.length} cells instead of ${header.length}`);
    return Object.fromEntries(header.map((name, index) => [name, cells[index] ?? '']));
  });
}

export function parseLines(text: string): Record<string, unknown>[] {
  if (text !== '' && !text.endsWith('\n')) throw new Error('The last line has no end');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
