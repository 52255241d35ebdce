import { appendFileSync, createReadStream, existsSync, truncateSync } from 'node:fs';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

/**
 * Every transaction of the brand in a file, one JSON line each: first those that are there already, then what is posted, live.
 * Nothing is missing and nothing is there twice, also when this program or the gateway is stopped in between:
 *
 *   CROUPIER_TOKEN=… node feed-reader.mjs http://127.0.0.1:4000 transactions.ndjson
 *
 * The token needs the role analyst, operator or service; a player's own token brings the player's. `tail -F` shows the lines as
 * they come. The file is also the memory: a later run goes on after its last whole line.
 *
 * The first run reads the history, waits for one transaction to be posted, whose cursor it goes on from, and reads what the
 * history got meanwhile. What is posted in the moment before it listens is therefore written with the next one. Why this is
 * exact is in docs/exports.md, "From the first transaction on, and then live". Needs `npm install graphql-ws ws`.
 */
const [address = 'http://127.0.0.1:4000', file = 'transactions.ndjson'] = process.argv.slice(2);
const gateway = address.replace(/\/$/, '');
const authorization = `Bearer ${process.env.CROUPIER_TOKEN}`;

const query = `subscription Feed($after: String) {
  transactionPosted(after: $after) {
    cursor
    transaction { id wallet { id } sequence kind externalKey amount { amount currency } balanceAfter { amount } createdAt }
  }
}`;

const DAY_MS = 86_400_000;
/** An export spans at most 400 days. */
const SPAN_MS = 400 * DAY_MS;
/** Codes and words that pass by themselves; whatever else is refused would be refused again. */
const PASSING = new Set([408, 429, 500, 502, 503, 504, 'UNAVAILABLE', 'INTERNAL']);
/** Closed for the token's or the request's sake. */
const FINAL_CLOSES = new Set([4400, 4401, 4403]);

/** What a new attempt does not help against. */
class Refused extends Error {}

/** The last sequence of each wallet that is in the file. Sequences are 1, 2, 3 … without gaps. */
const lasts = new Map();
/** Rows that came before the one they follow: the history is in the order of time, not of sequences. */
const early = new Map();
/** After it the feed has everything. */
let cursor;
/** Whether the file has everything up to the cursor. */
let isJoined = false;
/** From when on there may be rows that no reading of the history has seen: at first, before anybody can have had any. */
let historyFrom = Date.UTC(2020, 0, 1);

/** The whole lines of a text; what follows the last line end is left out. */
async function* linesOf(chunks) {
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop();
    yield* lines;
  }
}

/** Takes up what an earlier run wrote, without a line that it was stopped in. */
async function readBack() {
  if (!existsSync(file)) return;
  let bytes = 0;
  for await (const line of linesOf(createReadStream(file, 'utf8'))) {
    const row = JSON.parse(line);
    lasts.set(row.walletId, BigInt(row.sequence));
    cursor = row.cursor ?? cursor;
    bytes += Buffer.byteLength(line) + 1;
  }
  truncateSync(file, bytes);
  // A cursor is only ever written after the whole history.
  isJoined = cursor !== undefined;
}

function append(line) {
  try {
    appendFileSync(file, line);
  } catch (error) {
    throw new Refused(`${file} cannot be written`, { cause: error });
  }
}

/** Writes a row, and whatever waited for it; passes over what is there. */
function take(row) {
  const { walletId } = row;
  let last = lasts.get(walletId) ?? 0n;
  if (BigInt(row.sequence) <= last) return;
  early.set(`${walletId} ${row.sequence}`, row);
  for (;;) {
    const key = `${walletId} ${last + 1n}`;
    if (!early.has(key)) return;
    append(`${JSON.stringify(early.get(key))}\n`);
    early.delete(key);
    last += 1n;
    lasts.set(walletId, last);
  }
}

/** Everything that is there when it begins. A row is there some seconds after its `createdAt`; a day is more than enough. */
async function readHistory() {
  const begunAt = Date.now();
  const end = begunAt + DAY_MS;
  for (let from = historyFrom; from < end; from += SPAN_MS) {
    const to = Math.min(from + SPAN_MS, end);
    const span = new URLSearchParams({ from: new Date(from).toISOString(), to: new Date(to).toISOString() });
    const response = await fetch(`${gateway}/exports/transactions.ndjson?${span}`, { headers: { authorization } });
    if (!response.ok) {
      const why = `the history is refused with ${response.status}: ${await response.text()}`;
      throw PASSING.has(response.status) ? new Error(why) : new Refused(why);
    }
    // Throws when the export breaks off.
    for await (const line of linesOf(response.body.pipeThrough(new TextDecoderStream()))) {
      const { id, walletId, sequence, kind, externalKey, currency, amount, balanceAfter, createdAt } = JSON.parse(line);
      take({ id, walletId, sequence, kind, externalKey, currency, amount, balanceAfter, createdAt });
    }
  }
  historyFrom = begunAt - DAY_MS;
}

async function* feedAfter(client, after) {
  for await (const { data, errors } of client.iterate({ query, variables: { after } })) {
    if (errors) {
      const [{ message, extensions }] = errors;
      throw PASSING.has(extensions?.code) ? new Error(message) : new Refused(message);
    }
    yield data.transactionPosted;
  }
}

/** The history comes after the cursor, so between them they have everything; what both have is taken once. */
async function join(client) {
  if (cursor === undefined) {
    await readHistory();
    // There is no cursor before the first transaction that is posted from now on.
    for await (const event of feedAfter(client, undefined)) {
      ({ cursor } = event);
      break;
    }
    if (cursor === undefined) throw new Error('the feed ended');
  }
  await readHistory();
  isJoined = true;
}

/** Reads until the connection ends. A new one must begin after the last line, so the client does not retry by itself. */
async function readOn() {
  const connectionParams = { authorization };
  const url = `${gateway.replace(/^http/, 'ws')}/graphql`;
  const client = createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0, connectionParams });
  try {
    if (!isJoined) await join(client);
    for await (const { transaction, cursor: next } of feedAfter(client, cursor)) {
      const { id, wallet, sequence, kind, externalKey, amount: moved, balanceAfter: after, createdAt } = transaction;
      const money = { currency: moved.currency, amount: moved.amount, balanceAfter: after.amount };
      take({ id, walletId: wallet.id, sequence, kind, externalKey, ...money, createdAt, cursor: next });
      if (BigInt(sequence) > lasts.get(wallet.id))
        throw new Refused(`what comes before ${id} in its wallet is missing`);
      cursor = next;
    }
  } finally {
    await client.dispose();
  }
}

/** In one line. */
function explain(error) {
  if (FINAL_CLOSES.has(error.code)) return `closed with ${error.code}: ${error.reason}`;
  const words = [error.reason || error.message || error, error.cause?.message].filter(Boolean).join(': ');
  return words.replaceAll(/\s+/g, ' ').slice(0, 300);
}

if (!/^https?:/.test(gateway)) {
  process.stderr.write(`${gateway} is no address of a gateway, such as http://127.0.0.1:4000\n`);
  process.exit(2);
}
await readBack();
for (let pauseMs = 100; ;) {
  const startedAt = Date.now();
  try {
    await readOn();
  } catch (error) {
    if (error instanceof Refused || FINAL_CLOSES.has(error.code)) {
      process.stderr.write(`${explain(error)}\n`);
      process.exit(1);
    }
    process.stderr.write(`${explain(error)}; reading on\n`);
  }
  // Whoever was connected for a while may come back at once; the others wait longer each time.
  pauseMs = Date.now() - startedAt > 10_000 ? 100 : Math.min(pauseMs * 2, 5_000);
  await new Promise((resolve) => setTimeout(resolve, pauseMs * (0.5 + Math.random() / 2)));
}
