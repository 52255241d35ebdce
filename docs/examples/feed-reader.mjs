import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

/**
 * Every transaction of the brand, one JSON line each, nothing missing and nothing twice, also when this program or the gateway
 * is stopped in between:
 *
 *   CROUPIER_TOKEN=… node feed-reader.mjs ws://127.0.0.1:4000/graphql cursor.txt
 *
 * The cursor is written after its line: a crash between the two repeats that one line, so whoever reads the lines takes
 * `transaction.id` as their key. Needs `npm install graphql-ws ws`.
 */
const [url = 'ws://127.0.0.1:4000/graphql', cursorFile = 'cursor.txt'] = process.argv.slice(2);

const query = `subscription Feed($after: String) {
  transactionPosted(after: $after) {
    cursor
    transaction { id kind externalKey createdAt amount { amount currency } balanceAfter { amount } wallet { id } }
  }
}`;

let cursor = await readFile(cursorFile, 'utf8').then(
  (text) => text.trim(),
  () => undefined,
);

async function remember(next) {
  cursor = next;
  await mkdir(dirname(cursorFile), { recursive: true });
  await writeFile(`${cursorFile}.new`, next);
  // A file is replaced as a whole or not at all.
  await rename(`${cursorFile}.new`, cursorFile);
}

/** Reads until the connection ends. A new one must begin after the last line, so the client does not retry by itself. */
async function readOn() {
  const client = createClient({
    url,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    connectionParams: () => ({ authorization: `Bearer ${process.env.CROUPIER_TOKEN}` }),
  });
  try {
    for await (const { data, errors } of client.iterate({ query, variables: { after: cursor } })) {
      if (errors) throw new Error(errors[0].message);
      const { transaction, cursor: next } = data.transactionPosted;
      process.stdout.write(`${JSON.stringify(transaction)}\n`);
      await remember(next);
    }
  } finally {
    await client.dispose();
  }
}

/** Codes that a new connection does not help against: the token, or the request itself. */
const FINAL = new Set([4400, 4401, 4403]);

for (let pauseMs = 100; ;) {
  const startedAt = Date.now();
  try {
    await readOn();
  } catch (error) {
    if (Array.isArray(error)) throw new Error(error[0].message, { cause: error });
    if (FINAL.has(error.code)) throw new Error(`closed with ${error.code}: ${error.reason}`, { cause: error });
    process.stderr.write(`${error.reason || error.message || error}; reading on\n`);
  }
  // Whoever was connected for a while may come back at once; the others wait longer each time.
  pauseMs = Date.now() - startedAt > 10_000 ? 100 : Math.min(pauseMs * 2, 5_000);
  await new Promise((resolve) => setTimeout(resolve, pauseMs * (0.5 + Math.random() / 2)));
}
