import { z } from 'zod';
import { formatUnits } from '../../ledger/money.js';
import { type LaunchRequest, type ProviderAnswer, type ProviderClient, ProviderError } from '../contract.js';
import type { ProviderHttp, ProviderTransaction } from '../contract.js';
import { decimalAmount, idTextOrNumber } from '../kit/amounts.js';
import type { Settings } from './settings.js';

/** Opened in the player's browser: a `javascript:` URL here would run on the operator's page. No credentials either. */
const gameUrl = z.url({ protocol: /^https?$/ }).regex(/^https?:\/\/[^\s/?#@\\]+(?:[/?#]\S*)?$/i);
const RequestAccessAnswer = z.object({ game_url: gameUrl.max(4_096) });

const Transaction = z.object({
  transactionId: idTextOrNumber,
  /** Only BET is published; the others are the words of the webhooks. A further one is an error, not a gap in the list. */
  transactionType: z
    .string()
    .toLowerCase()
    .pipe(z.enum(['bet', 'win', 'rollback'])),
  transactionStatus: z.string(),
  amount: decimalAmount,
  requestedAt: z.iso.datetime({ offset: true }).optional().catch(undefined),
});
const TransactionsAnswer = z.object({
  transactions: z.array(Transaction),
  pagination: z.object({ totalPages: idTextOrNumber.transform(Number) }),
});
const PAGE_SIZE = 100;
const PAGES_MAX = 100;

/** Outgoing calls of the provider's documents. Tokens and launch URLs stay out of every message. */
export function createHypetechClient(settings: Settings, http: ProviderHttp): ProviderClient {
  const { apiUrl } = settings;
  const headers = { authorization: `Bearer ${settings.accessToken}` };
  return {
    async launch(request) {
      const answer = await http.post(`${apiUrl}/games/request-access`, accessRequest(settings, request), { headers });
      return { url: read('request-access', RequestAccessAnswer, answer).game_url };
    },
    // The list is one session's, whole: the span adds nothing, and the provider's clock is not ours.
    async transactions({ session }) {
      if (session === undefined) throw refused('Hypetech lists the transactions of a session, not of a span of time.');
      const url = `${apiUrl}/sessions/${encodeURIComponent(session)}/transactions`;
      const found: ProviderTransaction[] = [];
      for (let page = 1; page <= PAGES_MAX; page++) {
        const query = { pageSize: String(PAGE_SIZE), pageNumber: String(page) };
        const answer = await http.get(url, query, { headers, safe: true });
        const { transactions, pagination } = read('transactions', TransactionsAnswer, answer);
        found.push(...transactions.filter((each) => each.transactionStatus === 'SUCCESS').map(toTransaction));
        if (page >= pagination.totalPages) return found;
      }
      throw new ProviderError('INVALID_ANSWER', `Hypetech answered transactions with more than ${PAGES_MAX} pages.`);
    },
  };
}

function accessRequest({ dialect, gameToken }: Settings, request: LaunchRequest) {
  const { game, player, playerPublicId, language, currency, demo } = request;
  if (game === undefined) throw refused('Hypetech opens a game by its id, and none was asked for.');
  // The first document has no play money: the launch would be one for real money.
  if (demo && dialect === 'g1') throw refused('Hypetech has no demo play in the dialect g1.');
  return {
    game,
    user_id: player,
    // Shown to other players beside the game; the operator's own name for the player may be an address or a telephone.
    username: playerPublicId,
    ...(language !== undefined && { lang: language }),
    currency,
    ...(gameToken !== undefined && { game_token: gameToken }),
    ...(demo && { demo }),
  };
}

function toTransaction(row: z.infer<typeof Transaction>): ProviderTransaction {
  const kind = row.transactionType;
  const { digits, decimals } = row.amount;
  const at = row.requestedAt === undefined ? undefined : new Date(row.requestedAt);
  // The list names a round without its game, which is half of the ledger's name for it.
  const unknown = { player: undefined, round: undefined };
  return { key: `${kind}:${row.transactionId}`, kind, amount: formatUnits(digits, decimals), ...unknown, at };
}

/** @throws ProviderError for an error status, or an answer that is not what the document describes */
function read<Answer>(call: string, schema: z.ZodType<Answer>, { status, body }: ProviderAnswer): Answer {
  if (status < 200 || status > 299) throw refused(`Hypetech answered ${call} with status ${status}.`);
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const fields = [...new Set(parsed.error.issues.map((issue) => issue.path.join('.') || 'body'))];
  throw new ProviderError('INVALID_ANSWER', `Hypetech answered ${call} with unusable ${fields.join(', ')}.`);
}

function refused(message: string): ProviderError {
  return new ProviderError('REFUSED', message);
}
