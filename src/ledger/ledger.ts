import type pg from 'pg';
import { within } from '../within.js';
import type { Outcome, WalletCommand } from './commands.js';
import { namedKey } from './draft.js';
import { LANE_COUNT } from './lanes.js';
import { isStorableName } from './names.js';
import { createLaneSet, type Execution, type LaneSet, type LaneSetStats, refusal } from './lane-set.js';
import type { Policy } from './policy.js';
import type { CallbackRow } from './statements.js';
import type { UnitContext } from './draft.js';
import type { CommittedUnit } from './unit-of-work.js';

/** The only door to a wallet. */
export interface Ledger {
  /**
   * Applies one command exactly once and answers after COMMIT. It never throws for what can happen to a command: every
   * failure is a refusal with a code, and those that `isTransient` may be repeated as they are.
   */
  execute(command: WalletCommand, options: ExecuteOptions): Promise<Execution>;
  /** Refuses new commands, finishes the units under way, and lets go of the connections. */
  close(): Promise<void>;
  readonly stats: LaneSetStats;
}

export interface ExecuteOptions {
  readonly policy: Policy;
  /** Milliseconds from now after which the command may no longer take effect. */
  readonly deadlineMs: number;
  /** Makes the journal row that is written in the same unit of work. */
  readonly journal?: (outcome: Outcome) => CallbackRow;
}

interface PlayerPlace {
  readonly lane: number;
  readonly id: bigint;
}

export interface LedgerOptions extends UnitContext {
  readonly connection: pg.ClientConfig;
  /** Finds a player of a brand by external id, or by public id where told; never creates one. */
  readonly findPlayer: (
    brand: string,
    player: string,
    playerIs?: WalletCommand['playerIs'],
  ) => PlayerPlace | undefined | Promise<PlayerPlace | undefined>;
  /** Called after each COMMIT, before the callers are answered. Must not throw. */
  readonly committed: (units: readonly CommittedUnit[]) => void;
  readonly failed: (message: string, error: unknown) => void;
  /** Lanes are dealt to this many sets, each with a connection and units of its own. */
  readonly laneSets?: number;
}

/** One group for all lanes is the largest there can be, and larger groups beat more of them (docs/decisions/0006). */
const LANE_SETS = 1;

export function createLedger(options: LedgerOptions): Ledger {
  const count = options.laneSets ?? LANE_SETS;
  const sets: LaneSet[] = Array.from({ length: count }, () => createLaneSet(options));
  const setOf = Array.from({ length: LANE_COUNT }, (_, lane) => sets[lane % count]);
  let closing = false;

  return {
    async execute(command, { policy, deadlineMs, journal }) {
      if (closing) return refusal('OVERLOADED');
      if (!isStorable(command)) return refusal('MALFORMED');
      const deadlineAt = performance.now() + deadlineMs;
      const receivedAt = new Date();
      let player;
      try {
        const found = options.findPlayer(command.brand, command.player, command.playerIs);
        player = found instanceof Promise ? await within(deadlineMs, found) : found;
      } catch (error) {
        options.failed('A player could not be looked up', error);
        return refusal('UNAVAILABLE');
      }
      if (player === undefined) {
        return {
          outcome: { type: 'refused', code: 'PLAYER_UNKNOWN', balance: undefined, flags: ['player-unknown'] },
          journaled: false,
        };
      }
      // The look-up may have outlasted the ledger.
      if (closing) return refusal('OVERLOADED');
      const set = setOf[player.lane];
      if (set === undefined) throw new Error(`No lane ${player.lane}`);
      return set.execute({ command, policy, player, receivedAt, deadlineAt, journal });
    },
    async close() {
      closing = true;
      await Promise.all(sets.map((each) => each.close()));
    },
    get stats() {
      return {
        waiting: sets.reduce((sum, each) => sum + each.stats.waiting, 0),
        units: sets.reduce((sum, each) => sum + each.stats.units, 0),
        commands: sets.reduce((sum, each) => sum + each.stats.commands, 0),
      };
    },
  };
}

/** Every text that will be stored must come back as it was given: one that does not would spoil the unit for all in it. */
function isStorable(command: WalletCommand): boolean {
  if (!('key' in command)) return true;
  if (command.kind === 'lookup') return isStorableName(command.key);
  const { key, round, game } = command;
  return [key, round, game, namedKey(command)].every((each) => each === undefined || isStorableName(each));
}
