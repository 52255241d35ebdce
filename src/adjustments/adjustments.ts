import { LockMode, type MikroORM } from '@mikro-orm/postgresql';
import { staffDeadlineMs, staffPolicy } from '../cashier/policy.js';
import { Adjustment, Wallet } from '../entities/index.js';
import { ADJUSTMENT, type Balance, type Receipt } from '../ledger/commands.js';
import { isTransient } from '../ledger/errors.js';
import { formatId } from '../ledger/ids.js';
import type { Ledger } from '../ledger/ledger.js';
import { type Decimal, UNITS_MAX, unitsFloor } from '../ledger/money.js';

/**
 * Corrections by hand. One person proposes, another one approves. The approval is kept first and the money moves after it, under
 * the adjustment's own id as its key: a gateway that dies in between leaves an approval that any repeat completes, once.
 */

export interface AdjustmentKey {
  readonly lane: number;
  readonly id: bigint;
}

interface Proposal {
  readonly player: { readonly lane: number; readonly id: bigint };
  readonly currency: string;
  /** Signed. */
  readonly amount: Decimal;
  /** 1 to 1,000 bytes. */
  readonly reason: string;
  /** Subject of the token. */
  readonly proposedBy: string;
}

export type ProposalOutcome =
  | { readonly type: 'proposed'; readonly key: AdjustmentKey }
  | { readonly type: 'refused'; readonly reason: 'amount-invalid' | 'currency-not-supported' };

interface Approval {
  readonly adjustment: AdjustmentKey;
  /** Whose balance it is. */
  readonly player: { readonly brandId: string; readonly externalId: string };
  /** Subject of the token. */
  readonly approvedBy: string;
}

export type ApprovalOutcome =
  /** `repeated` when the money had moved before. */
  | { readonly type: 'moved'; readonly receipt: Receipt; readonly repeated: boolean }
  | { readonly type: 'own-proposal' }
  | {
      readonly type: 'refused';
      readonly reason: 'insufficient-funds' | 'amount-invalid' | 'currency-not-supported';
      readonly balance: Balance | undefined;
    }
  /** Approved, and it is not known whether the money moved: repeating is safe. */
  | { readonly type: 'unavailable' };

export interface Adjustments {
  propose(proposal: Proposal): Promise<ProposalOutcome>;
  /** @throws when there is no such adjustment */
  approve(approval: Approval): Promise<ApprovalOutcome>;
}

export interface AdjustmentsOptions {
  readonly orm: MikroORM;
  readonly ledger: Pick<Ledger, 'execute'>;
  readonly currencies: ReadonlyMap<string, { readonly scale: number }>;
}

export function createAdjustments({ orm, ledger, currencies }: AdjustmentsOptions): Adjustments {
  return {
    async propose({ player, currency, amount, reason, proposedBy }) {
      const scale = currencies.get(currency)?.scale;
      if (scale === undefined) return { type: 'refused', reason: 'currency-not-supported' };
      const units = signedUnits(amount, scale);
      if (units === undefined) return { type: 'refused', reason: 'amount-invalid' };
      const em = orm.em.fork();
      // A correction opens no wallet: there would be nothing to correct.
      const wallets = await em.count(Wallet, { lane: player.lane, playerId: player.id, currency });
      if (wallets === 0) return { type: 'refused', reason: 'currency-not-supported' };
      const [inserted] = await em
        .createQueryBuilder(Adjustment)
        .insert({
          lane: player.lane,
          playerId: player.id,
          currency,
          amount: units,
          reason,
          proposedBy,
          proposedAt: new Date(),
        })
        .returning(['id'])
        .execute('all');
      if (inserted === undefined) throw new Error('The database gave a new adjustment no id');
      return { type: 'proposed', key: { lane: player.lane, id: BigInt(String(inserted.id)) } };
    },
    async approve({ adjustment: key, player, approvedBy }) {
      const adjustment = await keepApproval(orm, key, approvedBy);
      if (adjustment === undefined) return { type: 'own-proposal' };
      const scale = currencies.get(adjustment.currency)?.scale;
      if (scale === undefined) return { type: 'refused', reason: 'currency-not-supported', balance: undefined };
      const { outcome } = await ledger.execute(
        {
          kind: 'adjustment',
          brand: player.brandId,
          player: player.externalId,
          integration: ADJUSTMENT,
          currency: adjustment.currency,
          amount: { digits: adjustment.amount, decimals: scale },
          key: formatId('adjustment', key),
        },
        { policy: staffPolicy, deadlineMs: staffDeadlineMs },
      );
      if (outcome.type === 'done') throw new Error('An adjustment ended without a receipt');
      if (outcome.type !== 'refused') {
        return { type: 'moved', receipt: outcome.receipt, repeated: outcome.type === 'replayed' };
      }
      switch (outcome.code) {
        case 'INSUFFICIENT_FUNDS':
          return { type: 'refused', reason: 'insufficient-funds', balance: outcome.balance };
        case 'AMOUNT_INVALID':
          return { type: 'refused', reason: 'amount-invalid', balance: outcome.balance };
        case 'CURRENCY_NOT_ALLOWED':
          return { type: 'refused', reason: 'currency-not-supported', balance: outcome.balance };
        default:
          if (isTransient(outcome.code)) return { type: 'unavailable' };
          throw new Error(`The ledger refused an adjustment with ${outcome.code}`);
      }
    },
  };
}

/**
 * Under the row's lock, so that of two approvals at once the first is kept and both go on with it.
 * @returns undefined when whoever approves is who proposed
 */
function keepApproval(orm: MikroORM, key: AdjustmentKey, approvedBy: string): Promise<Adjustment | undefined> {
  return orm.em.fork().transactional(async (em) => {
    const { lane, id } = key;
    const adjustment = await em.findOne(Adjustment, { lane, id }, { lockMode: LockMode.PESSIMISTIC_WRITE });
    if (adjustment === null) throw new Error('There is no such adjustment');
    if (adjustment.proposedBy === approvedBy) return undefined;
    if (adjustment.approvedBy === null) {
      await em.nativeUpdate(Adjustment, { lane, id }, { approvedBy, approvedAt: new Date() });
    }
    return adjustment;
  });
}

/** @returns undefined for zero, for digits below a ledger unit, and beyond the range of a wallet */
function signedUnits({ digits, decimals }: Decimal, scale: number): bigint | undefined {
  const { units, rest } = unitsFloor({ digits: digits < 0n ? -digits : digits, decimals }, scale);
  if (units === 0n || rest !== undefined || units > UNITS_MAX) return undefined;
  return digits < 0n ? -units : units;
}
