import { setTimeout as delay } from 'node:timers/promises';
import type { ProviderMovement } from '../../adapters/provider-side.js';
import type { Policy } from '../../ledger/policy.js';
import { type Faults, noFaults } from '../faults.js';
import { between, type Random } from '../random.js';
import type { Exchange, Sender } from '../sender.js';
import { type Account, type Reckoning, textOf } from './reckoning.js';

export interface Table {
  readonly sender: Sender;
  readonly reckoning: Reckoning;
  /** Of the integration: which rollbacks its protocol has. */
  readonly policy: Policy;
  readonly speaks: readonly string[];
  readonly faults: Faults;
  readonly game: string;
  /** Told of every exchange. */
  readonly onExchange: (exchange: Exchange) => void;
}

/** A provider that gets no answer for longer than this has a gateway that does not come back. */
const TRIES_MAX = 20;
const TRY_AGAIN_MS = 200;

/** A random round: a bet or two, then for each a win, a loss or a rollback. */
export async function playRound(table: Table, account: Account, random: Random): Promise<void> {
  const { reckoning, speaks, policy } = table;
  if (speaks.includes('balance') && random() < 0.1) await askBalance(table, account, random);
  const bets = Array.from({ length: random() < 0.1 ? 2 : 1 }, () => betOf(table, account, random));
  reckoning.begin(account, bets);
  await Promise.all(bets.map((bet) => sendUntilKnown(table, account, bet, random)));
  for (const bet of bets) {
    const ending = random();
    const multiple = random() < 0.5 ? 0n : BigInt(between(5, 500, random));
    if (reckoning.counts(bet) !== true) continue;
    if (speaks.includes('rollback') && ending < 0.1) {
      await undo(table, account, bet, random);
      continue;
    }
    const win = winOf(table, bet, multiple);
    reckoning.begin(account, [win]);
    await sendUntilKnown(table, account, win, random);
    // A game called off after it was paid: the payout goes back before the stake.
    const undoable = policy.rollbackTargets.includes('win') && policy.rollbackAfterWin === 'reverse';
    if (undoable && speaks.includes('rollback') && ending > 0.95 && reckoning.counts(win) === true) {
      await undo(table, account, win, random);
      await undo(table, account, bet, random);
    }
  }
}

async function askBalance(table: Table, account: Account, random: Random): Promise<void> {
  const { sender } = table;
  const { player, currency } = account;
  const question = { kind: 'balance', id: sender.newId(), player, currency, session: sessionOf(account) } as const;
  table.reckoning.begin(account, []);
  await sender.deliver(question, courseOf(table, account, random));
}

/** Whole units, so that every payout is exact to the cent in every dialect; now and then more than there is. */
function betOf({ sender, game }: Table, account: Account, random: Random): ProviderMovement {
  const { player, currency, cents } = account;
  const beyond = random() < 0.03;
  const units = BigInt(between(1, 20, random));
  return {
    kind: 'bet',
    id: sender.newId(),
    player,
    currency,
    amount: textOf((beyond ? cents / 100n + units : units) * 100n),
    round: sender.newNumber(),
    game,
    session: sessionOf(account),
  };
}

/** @param multiple of the stake, in hundredths; 0 is a loss */
function winOf({ sender }: Table, bet: ProviderMovement, multiple: bigint): ProviderMovement {
  const stakeUnits = BigInt(bet.amount.replace(/\..*$/, ''));
  return { ...bet, kind: 'win', id: sender.newId(), amount: textOf(stakeUnits * multiple), target: bet };
}

function sessionOf({ player }: Account): string {
  return `session-${player}`;
}

function undo(table: Table, account: Account, target: ProviderMovement, random: Random): Promise<void> {
  const rollback = table.sender.rollbackOf(target);
  table.reckoning.begin(account, [rollback]);
  return sendUntilKnown(table, account, rollback, random);
}

/**
 * Sends as the provider's document says. What is still not known then is sent again by hand, as its support would, until
 * somebody can say whether it counts.
 */
async function sendUntilKnown(
  table: Table,
  account: Account,
  movement: ProviderMovement,
  random: Random,
): Promise<void> {
  const { sender, reckoning } = table;
  await sender.deliver(movement, courseOf(table, account, random));
  for (let tries = 0; reckoning.counts(movement) === undefined; tries++) {
    if (tries === TRIES_MAX) return reckoning.contradict(`${movement.kind} ${movement.id} was never answered`);
    await delay(TRY_AGAIN_MS);
    await sender.deliver(movement, { ...courseOf(table, account, random), faults: noFaults });
  }
}

function courseOf({ faults, reckoning, onExchange }: Table, account: Account, random: Random) {
  return {
    faults,
    random,
    onExchange: (exchange: Exchange): void => {
      reckoning.hear(account, exchange);
      onExchange(exchange);
    },
  };
}
