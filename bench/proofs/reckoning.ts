import pg from 'pg';
import { audit } from '../../src/ledger/audit.js';
import { formatTransactionId } from '../../src/ledger/ids.js';
import { LANE_COUNT } from '../../src/ledger/lanes.js';
import { bench } from '../bets.js';
import type { Sent } from './book.js';

/** Compares what the provider was told with what the ledger holds. */
export interface Reckoning {
  /** Every difference, and every invariant that is broken; none is what is to be proved. */
  readonly violations: readonly string[];
  readonly ledgerRows: number;
  /** Bets without an answer that had been taken all the same. */
  readonly unknownTaken: number;
}

interface Row {
  readonly lane: number;
  readonly wallet_id: string;
  readonly sequence: string;
  readonly player: string;
  readonly kind: string;
  readonly external_key: string;
  readonly effect: string;
  readonly target: string | null;
}

/** Ledger units of a cent at the bench's scale of 6. */
const CENT = 10_000n;

/** @param funds what each player's wallet began with, in ledger units. */
export async function reckon(
  databaseUrl: string,
  sent: ReadonlyMap<string, Sent>,
  funds: readonly bigint[],
): Promise<Reckoning> {
  const client = new pg.Client({ connectionString: databaseUrl, keepAlive: true });
  await client.connect();
  try {
    const violations: string[] = [];
    const rows = new Map<string, Row>();
    let ledgerRows = 0;
    for (let lane = 0; lane < LANE_COUNT; lane += 1) {
      for (const row of await readLane(client, lane)) {
        ledgerRows += 1;
        if (rows.has(row.external_key)) violations.push(`${row.external_key} is in the ledger twice`);
        if (!sent.has(row.external_key)) violations.push(`${row.external_key} is in the ledger and was never sent`);
        rows.set(row.external_key, row);
      }
    }
    let unknownTaken = 0;
    for (const one of sent.values()) {
      const row = rows.get(one.key);
      violations.push(...compare(one, row, rows));
      if (one.kind === 'bet' && one.state === 'open' && row?.kind === 'bet') unknownTaken += 1;
    }
    violations.push(...(await compareBalances(client, sent, funds)));
    const report = await audit(client);
    for (const { name, violations: found } of report.invariants) {
      violations.push(...found.map(({ id, what }) => `audit, ${name}: ${id ?? ''} ${what}`));
    }
    return { violations, ledgerRows, unknownTaken };
  } finally {
    await client.end();
  }
}

async function readLane(client: pg.Client, lane: number): Promise<Row[]> {
  const { rows } = await client.query<Row>(
    `select t.lane, t.wallet_id, t.sequence, p.external_id as player, t.kind, t.external_key, t.effect, t.target
     from ledger_transaction t join player p on p.lane = t.lane and p.id = t.player_id
     where t.lane = $1 and t.integration = $2`,
    [lane, bench.integration],
  );
  return rows;
}

/** What was acknowledged is there with its facts; what was declined is not; what stayed open is one or the other. */
function compare(one: Sent, row: Row | undefined, rows: ReadonlyMap<string, Row>): string[] {
  if (one.state !== 'acknowledged') {
    if (one.kind !== 'bet') return [`${one.key} was never answered`];
    if (one.state === 'declined' && row?.kind === 'bet') return [`${one.key} was declined, and taken all the same`];
    return [];
  }
  if (row === undefined) return [`${one.key} was acknowledged as ${one.transactionId} and is lost`];
  const found: string[] = [];
  const id = formatTransactionId({ lane: row.lane, walletId: BigInt(row.wallet_id), sequence: BigInt(row.sequence) });
  if (id !== one.transactionId) found.push(`${one.key} was acknowledged as ${one.transactionId} and is ${id}`);
  if (row.kind !== one.kind) found.push(`${one.key} is a ${row.kind}`);
  if (row.player !== bench.player(one.player)) found.push(`${one.key} is on the wallet of ${row.player}`);
  if (row.target !== (one.target ?? null)) found.push(`${one.key} undoes ${row.target}`);
  const effect = effectOf(one, rows);
  if (BigInt(row.effect) !== effect) found.push(`${one.key} moved ${row.effect} and not ${effect}`);
  return found;
}

function effectOf(one: Sent, rows: ReadonlyMap<string, Row>): bigint {
  if (one.kind === 'bet') return -one.amount * CENT;
  if (one.kind === 'win') return one.amount * CENT;
  const target = rows.get(one.target ?? '');
  return target === undefined ? 0n : -BigInt(target.effect);
}

/** From what the provider was told alone: a movement that was undone, and one that was declined, leave nothing. */
async function compareBalances(
  client: pg.Client,
  sent: ReadonlyMap<string, Sent>,
  funds: readonly bigint[],
): Promise<string[]> {
  const undone = new Set([...sent.values()].flatMap(({ kind, target }) => (kind === 'rollback' ? [target] : [])));
  const expected = [...funds];
  for (const one of sent.values()) {
    if (one.kind === 'rollback' || one.state !== 'acknowledged' || undone.has(one.key)) continue;
    expected[one.player] = (expected[one.player] ?? 0n) + (one.kind === 'win' ? 1n : -1n) * one.amount * CENT;
  }
  const { rows } = await client.query<{ player: string; balance: string }>(
    'select p.external_id as player, w.balance from wallet w join player p on p.lane = w.lane and p.id = w.player_id',
  );
  const balances = new Map(rows.map(({ player, balance }) => [player, BigInt(balance)]));
  return expected.flatMap((units, index) => {
    const balance = balances.get(bench.player(index));
    return balance === units ? [] : [`The wallet of ${bench.player(index)} holds ${balance}, not ${units}`];
  });
}
