import type { Principal, Role } from '../auth.js';
import { ADJUSTMENT, CASHIER } from '../ledger/commands.js';
import { parseId } from '../ledger/ids.js';
import type { PlayerDirectory } from '../players/directory.js';
import type { Reading } from './chunks.js';
import { ExportError } from './errors.js';
import type { Question, Subject } from './question.js';
import { reportList } from './report-list.js';
import type { ExportSession } from './sessions.js';
import {
  type PlacedList,
  type PlayerKey,
  rounds,
  transactions,
  walletList,
  type WalletSearch,
} from './wallet-lists.js';

/** Who may export what. What may not be seen is refused exactly as what does not exist. */

const staff: readonly Role[] = ['analyst', 'operator', 'service'];

/** @returns whether it is a player, who exports what is its own. @throws FORBIDDEN */
export function admit(subject: Subject, { roles }: Principal): boolean {
  if (staff.some((role) => roles.has(role))) return false;
  if (roles.has('player') && subject !== 'reports') return true;
  throw new ExportError('FORBIDDEN', 'The token has no role that may do this.');
}

export interface Asking {
  readonly principal: Principal;
  readonly isPlayer: boolean;
  readonly session: ExportSession;
  readonly directory: PlayerDirectory;
}

/** @throws NOT_FOUND for a player or an integration that the token may not see, BAD_REQUEST for a cursor of another list */
export async function openList(question: Question, asking: Asking): Promise<Reading> {
  const { list, readCursor } = await placedList(question, asking);
  const { format, rows, after: cursor } = question;
  if (cursor === undefined) return { list, format, rows, after: undefined };
  const position = readCursor(cursor);
  if (position === undefined) {
    throw new ExportError('BAD_REQUEST', '"after" is no cursor of this export with these parameters.');
  }
  return { list, format, rows, after: { cursor, position } };
}

async function placedList(question: Question, asking: Asking): Promise<PlacedList> {
  const { principal, isPlayer, session } = asking;
  const { brand } = principal;
  const { from, to, integration } = question;
  const known = await session.integrations(brand);
  if (integration !== undefined && ![...known, ...reserved].includes(integration)) {
    throw new ExportError('NOT_FOUND', 'There is no such integration, or the token may not see it.');
  }
  const scales = await session.scales();
  if (question.subject === 'reports') {
    return reportList({ brand, grain: question.by, from, to, integration, scales });
  }
  const key = await findPlayer(question.player, asking);
  const search = {
    brand,
    from,
    to,
    oneIntegration: integration !== undefined,
    player: key && { key, walletIds: await session.wallets(key) },
    asPlayer: isPlayer,
    scales,
  } satisfies Partial<WalletSearch>;
  const among = (possible: readonly string[]): readonly string[] =>
    integration === undefined ? possible : possible.filter((id) => id === integration);
  return question.subject === 'rounds'
    ? walletList(rounds, { ...search, only: question.state, integrations: among(known) })
    : walletList(transactions, {
        ...search,
        only: question.kind,
        integrations: among(integrationsOf(question.kind, known)),
      });
}

/** Their rows are of all brands. */
const reserved: readonly string[] = [CASHIER, ADJUSTMENT];

/** Where rows of a kind are: deposits need not be looked for among millions of bets. */
function integrationsOf(
  kind: Extract<Question, { subject: 'transactions' }>['kind'],
  known: readonly string[],
): readonly string[] {
  switch (kind) {
    case undefined:
      return [...known, ...reserved];
    case 'deposit':
    case 'withdrawal':
      return [CASHIER];
    case 'adjustment':
      return [ADJUSTMENT];
    case 'bet':
    case 'win':
    case 'rollback':
    case 'tombstone':
      return known;
  }
}

/** The player asked for, or the one that a player's own token speaks for. */
async function findPlayer(
  id: string | undefined,
  { principal, isPlayer, directory }: Asking,
): Promise<PlayerKey | undefined> {
  if (id === undefined && !isPlayer) return undefined;
  const own = isPlayer ? await directory.find(principal.brand, principal.subject) : undefined;
  const asked = id === undefined ? own : await visible(principal.brand, id, directory);
  const key = isPlayer && (asked?.lane !== own?.lane || asked?.id !== own?.id) ? undefined : asked;
  if (key === undefined) throw new ExportError('NOT_FOUND', 'There is no such player, or the token may not see it.');
  return key;
}

async function visible(brand: string, id: string, directory: PlayerDirectory): Promise<PlayerKey | undefined> {
  return parseId('player', id) && directory.findByPublicId(brand, id);
}
