import { z } from 'zod';
import { formatUnits } from '../../ledger/money.js';
import { type LaunchRequest, type ProviderClient, ProviderError, type ProviderHttp } from '../contract.js';
import type { ProviderTransaction } from '../contract.js';
import { decimalAmount, idText, idTextOrNumber } from '../kit/amounts.js';
import { exactNumber } from '../kit/json.js';
import { cancelKey, int64 } from './messages.js';
import type { Settings } from './settings.js';

/** The provider's numbers for languages, from 1. */
export const languages = ['en', 'ko', 'th', 'es', 'ja', 'pt', 'tr', 'de', 'id', 'ms', 'zh'];

/** The HTTP status says nothing: the code does, and 0 is success. */
const Envelope = z.object({ code: int64, data: z.unknown().optional() });
/** UNDER_MAINTENANCE, INTERNAL_SERVER_ERROR and SERVER_IS_BUSY pass by themselves. */
const passing: ReadonlySet<string> = new Set(['1', '1001', '1018']);

/** Opened in the player's browser: a `javascript:` URL here would run on the operator's page. */
const webUrl = z
  .string()
  .max(4_096)
  .regex(/^https?:\/\/[^\s\p{C}\\]+$/iu);
const UserCreated = z.object({ user_code: int64 });
const GameUrl = z.object({ game_url: webUrl });
const Game = z.object({
  provider_id: int64,
  game_code: idText,
  game_name: z.string().min(1),
  category: z.string().optional(),
  game_image: webUrl.optional().catch(undefined),
  launch_enable: z.boolean().default(true),
});
type Game = z.infer<typeof Game>;

const Listed = z.object({
  trans_id: int64.optional(),
  trans_guid: idText.optional(),
  trans_type: int64,
  trans_amount: decimalAmount,
  round_id: idTextOrNumber.optional(),
  regdate: z.string().default(''),
});
const Transactions = z.object({ list: z.array(Listed) });
/** Bet, Win, BetCancel and BonusCall. Deposit (4) and Withdraw (8) move the agent's own points. */
const kinds: Readonly<Record<string, ProviderTransaction['kind']>> = { 1: 'bet', 2: 'win', 16: 'rollback', 32: 'win' };
/** The provider takes 10 to 2,000; a longer list would not fit into the largest answer that is read. */
const [LIST_LIMIT, LISTED_MAX] = [1_000, 500_000];

/** The calls of the provider's document. */
export function createScorpioPlayClient(settings: Settings, http: ProviderHttp): ProviderClient {
  /** By code, which is all that callbacks name; launches need the studio's number as well. */
  let offered: ReadonlyMap<string, Game> = new Map();

  /** Each of these calls can be repeated: a user is created once, and of several game URLs one is opened. */
  async function call<Data>(path: string, sent: object, schema: z.ZodType<Data>): Promise<Data> {
    const headers = { authorization: `Bearer ${settings.apiToken}` };
    const { body } = await http.post(`${settings.apiUrl}/v4/${path}`, sent, { headers, safe: true });
    const { code, data } = read(path, Envelope, body);
    if (code === '0') return read(path, schema, data);
    const kind = passing.has(code) ? 'UNREACHABLE' : 'REFUSED';
    throw new ProviderError(kind, `ScorpioPlay answered ${path} with code ${code}.`);
  }

  async function fetchGames(): Promise<ReadonlyMap<string, Game>> {
    const list = await call('game/all', { lang: 1 }, z.array(z.unknown()));
    // One entry that cannot be read must not hide the thousands that can.
    const games = list.flatMap((each) => Game.safeParse(each).data ?? []).filter((each) => each.launch_enable);
    return (offered = new Map(games.map((each) => [each.game_code, each])));
  }

  return {
    async launch(request) {
      const name = accountOf(request, settings);
      const code = request.game ?? '';
      const game = offered.get(code) ?? (await fetchGames()).get(code);
      if (game === undefined) throw refused('it offers no such game');
      // At every launch: codes change when the agent is switched between transfer and seamless mode.
      const { user_code } = await call('user/create', { name }, UserCreated);
      const wish = {
        user_code: exactNumber(user_code),
        provider_id: exactNumber(game.provider_id),
        game_symbol: code,
        lang: Math.max(1, languages.indexOf(request.language ?? 'en') + 1),
        return_url: request.returnUrl,
        // 0 is the agent's own RTP. The newer dialect has another field for it, which may be left out.
        win_ratio: settings.dialect === 'trans-id' ? 0 : undefined,
      };
      return { url: (await call('game/game-url', wish, GameUrl)).game_url };
    },
    async catalogue() {
      return [...(await fetchGames())].map(([id, { game_name: name, category, game_image: thumbnailUrl }]) => {
        return { id, name, category, thumbnailUrl, features: [], balanceUpdateDelayMs: undefined, currencies: [] };
      });
    },
    async transactions({ from, to }) {
      const found: ProviderTransaction[] = [];
      const span = { start_time: utcText(from), end_time: utcText(to) };
      for (let offset = 0; offset < LISTED_MAX; offset += LIST_LIMIT) {
        const { list } = await call('game/transaction', { ...span, offset, limit: LIST_LIMIT }, Transactions);
        found.push(...list.flatMap(providerTransaction));
        if (list.length < LIST_LIMIT) return found;
      }
      throw new ProviderError('INVALID_ANSWER', 'ScorpioPlay lists transactions without an end.');
    },
  };
}

/** The name that the player is registered under. @throws ProviderError where nothing could be played */
function accountOf({ player, playerPublicId, currency, game, demo }: LaunchRequest, settings: Settings): string {
  if (currency !== settings.currency) throw refused(`the account with it is in ${settings.currency}`);
  if (game === undefined) throw refused('it needs a game');
  if (demo) throw refused('it has no play money');
  if (settings.accounts === 'player-id') return playerPublicId;
  if (/^[A-Za-z0-9_]{2,15}$/.test(player)) return player;
  throw refused('the player\'s external id is not 2 to 15 of A-Z, a-z, 0-9 and "_"; accounts: player-id avoids that');
}

function refused(why: string): ProviderError {
  return new ProviderError('REFUSED', `ScorpioPlay cannot launch this: ${why}.`);
}

function read<Data>(path: string, schema: z.ZodType<Data>, body: unknown): Data {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const fields = [...new Set(parsed.error.issues.map((issue) => issue.path.join('.') || 'body'))].slice(0, 5);
  throw new ProviderError('INVALID_ANSWER', `ScorpioPlay answered ${path} with unusable ${fields.join(', ')}.`);
}

function providerTransaction(listed: z.infer<typeof Listed>): readonly ProviderTransaction[] {
  const { trans_amount, round_id: round, regdate, trans_guid, trans_id } = listed;
  const kind = kinds[listed.trans_type];
  const id = trans_guid ?? trans_id;
  if (kind === undefined || id === undefined) return [];
  const key = kind === 'rollback' && trans_guid === undefined ? cancelKey(id) : id;
  const at = new Date(`${regdate.replace(' ', 'T')}Z`);
  const amount = formatUnits(trans_amount.digits, trans_amount.decimals);
  return [{ key, kind, amount, player: undefined, round, at: Number.isNaN(at.getTime()) ? undefined : at }];
}

/** "yyyy-MM-dd HH:mm:ss" in UTC. */
export function utcText(moment: Date): string {
  return moment.toISOString().slice(0, 19).replace('T', ' ');
}
