import { CHAIN_START, type ChainedRow, chainHash } from '../../src/ledger/chain.js';
import type { TestDatabase, TestPlayer } from '../support/database.js';

/** A row as a test wants it; what it does not mention is a bet of nothing at the first integration. */
export type WantedRow = Partial<ChainedRow> & { readonly createdAt: Date };

/**
 * Puts rows into an empty wallet by hand, as gateways with clocks of their own would have written them: hashed, counted, and in
 * the feed.
 */
export async function writeRows(
  { owner }: TestDatabase,
  player: TestPlayer,
  wanted: readonly WantedRow[],
  currency = 'EUR',
): Promise<readonly (ChainedRow & { hash: Buffer })[]> {
  const { lane, id: playerId } = player;
  const walletId = player.wallets.get(currency) ?? 0n;
  const rows: (ChainedRow & { hash: Buffer })[] = [];
  for (const [index, each] of wanted.entries()) {
    const before = rows.at(-1);
    const effect = each.effect ?? 0n;
    const row: ChainedRow = {
      lane,
      walletId,
      playerId,
      sequence: BigInt(index + 1),
      integration: 'igpx-demo',
      externalKey: `${currency}-${index + 1}`,
      kind: effect > 0n ? 'win' : 'bet',
      effect,
      stated: effect < 0n ? -effect : effect,
      rest: null,
      balanceAfter: (before?.balanceAfter ?? 0n) + effect,
      target: null,
      undoes: null,
      resolves: null,
      round: null,
      game: null,
      flags: [],
      displayAt: null,
      ...each,
    };
    rows.push({ ...row, hash: chainHash(before?.hash ?? CHAIN_START, row) });
  }
  await insertRows(owner, rows);
  const last = rows.at(-1);
  if (last === undefined) return rows;
  await owner.query('update wallet set balance = $3, sequence = $4, head = $5 where lane = $1 and id = $2', [
    lane,
    walletId,
    last.balanceAfter,
    last.sequence,
    last.hash,
  ]);
  const { rows: lanes } = await owner.query<{ number: string }>(
    'update lane set number = number + 1 where lane = $1 returning number',
    [lane],
  );
  await owner.query(
    `insert into unit_of_work (lane, number, wallet_ids, first_sequences, sequences, created_at)
     values ($1, $2, $3, '{1}', $4, now())`,
    [lane, lanes[0]?.number, [walletId], [last.sequence]],
  );
  return rows;
}

async function insertRows(
  owner: TestDatabase['owner'],
  rows: readonly (ChainedRow & { hash: Buffer })[],
): Promise<void> {
  const of = <Value>(part: (row: ChainedRow & { hash: Buffer }) => Value): Value[] => rows.map(part);
  await owner.query(
    `insert into ledger_transaction (lane, wallet_id, sequence, player_id, integration, external_key, kind, effect, stated,
       balance_after, target, undoes, round, flags, created_at, hash)
     select lane, wallet_id, sequence, player_id, integration, external_key, kind, effect, stated, balance_after, target, undoes,
       round, string_to_array(flags, ','), created_at, decode(hash, 'hex')
     from unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::bigint[],
       $9::bigint[], $10::bigint[], $11::text[], $12::bigint[], $13::text[], $14::text[], $15::timestamptz[], $16::text[])
       r (lane, wallet_id, sequence, player_id, integration, external_key, kind, effect, stated, balance_after, target, undoes,
         round, flags, created_at, hash)`,
    [
      of((row) => row.lane),
      of((row) => row.walletId),
      of((row) => row.sequence),
      of((row) => row.playerId),
      of((row) => row.integration),
      of((row) => row.externalKey),
      of((row) => row.kind),
      of((row) => row.effect),
      of((row) => row.stated),
      of((row) => row.balanceAfter),
      of((row) => row.target),
      of((row) => row.undoes),
      of((row) => row.round),
      of((row) => row.flags.join(',')),
      of((row) => row.createdAt.toISOString()),
      of((row) => row.hash.toString('hex')),
    ],
  );
}
