import type { MikroORM } from '@mikro-orm/postgresql';
import { type LaunchRequest, type ProviderClient, ProviderError } from '../adapters/contract.js';
import { isWorthRepeating } from '../adapters/kit/http.js';
import { Game, GameSession, Wallet } from '../entities/index.js';
import type { PlayerLimits, PlayerStatus } from '../ledger/commands.js';
import { formatId } from '../ledger/ids.js';
import { isUsedUp, StoredPlayerLimits, StoredWalletLimits } from '../ledger/limits.js';
import { statusAt } from '../ledger/status.js';
import { checkReturnUrl, type ReturnRules } from './return-url.js';
import { hashLaunchToken, newLaunchToken } from './tokens.js';

/** The outgoing side of one active integration. */
export interface LaunchProvider {
  readonly client: ProviderClient;
  readonly brand: string;
  readonly currencies: ReadonlySet<string>;
  /** Decimals that a player sees of a currency. */
  readonly displayDecimals: (currency: string) => number;
  readonly returns: ReturnRules;
}

interface LaunchInput {
  readonly player: {
    readonly lane: number;
    readonly id: bigint;
    readonly brandId: string;
    readonly externalId: string;
    readonly status: PlayerStatus;
    readonly statusUntil?: Date | null | undefined;
    readonly limits?: PlayerLimits | null | undefined;
  };
  readonly integration: string;
  readonly currency: string;
  /** Provider's id of the game; undefined where the provider is one game (a sportsbook). */
  readonly game: string | undefined;
  /** ISO 639-1 language code. */
  readonly language: string | undefined;
  /** Where the game sends the player at its end. */
  readonly returnUrl?: string | undefined;
  readonly platform?: 'desktop' | 'mobile' | undefined;
  /** The operator's own word for the device, 1 to 255 bytes. */
  readonly device?: string | undefined;
  /** Play money of the provider's own. */
  readonly demo?: boolean | undefined;
}

export interface LaunchedSession {
  readonly lane: number;
  readonly id: bigint;
  readonly integration: string;
  readonly currency: string;
  readonly game: string | null;
  readonly createdAt: Date;
}

export type LaunchOutcome =
  | { readonly type: 'launched'; readonly url: string; readonly session: LaunchedSession }
  | { readonly type: 'player-not-active'; readonly status: PlayerStatus }
  /** The time at play is over, or nothing is left to stake or to lose in the currency. */
  | { readonly type: 'limit-reached' }
  | { readonly type: 'game-unavailable' }
  /** `why` is for the developers of the page that asked. */
  | { readonly type: 'return-url-refused'; readonly why: string }
  | { readonly type: 'currency-not-supported' }
  | { readonly type: 'provider-unavailable'; readonly retryable: boolean };

export interface Launch {
  /** Starts a game for a player and keeps the session. Every expected refusal is an outcome. */
  launchGame(input: LaunchInput): Promise<LaunchOutcome>;
}

export interface LaunchOptions {
  readonly orm: MikroORM;
  /** By integration id; an integration that is not here cannot be launched. */
  readonly providers: ReadonlyMap<string, LaunchProvider>;
  /** Told when a provider fails, with the integration's id. */
  readonly failed: (integration: string, error: ProviderError) => void;
}

export function createLaunch({ orm, providers, failed }: LaunchOptions): Launch {
  return {
    async launchGame(wish) {
      const { player, integration, currency } = wish;
      const provider = providers.get(integration);
      // Another brand's integration is told apart from an unknown one nowhere.
      if (provider === undefined || provider.brand !== player.brandId) return { type: 'game-unavailable' };
      const returning = checkReturnUrl(wish.returnUrl, provider.returns);
      if ('why' in returning) return { type: 'return-url-refused', why: returning.why };
      const input = { ...wish, returnUrl: returning.url };
      const now = new Date();
      const status = statusAt(player, now);
      if (status !== 'ACTIVE') return { type: 'player-not-active', status };
      if (!provider.currencies.has(currency)) return { type: 'currency-not-supported' };
      const refusal = await gameRefusal(orm, input);
      if (refusal !== undefined) return { type: refusal };
      const wallet = await orm.em.fork().findOne(Wallet, { lane: player.lane, playerId: player.id, currency });
      // Every bet of the game would be refused.
      if (wallet === null) return { type: 'currency-not-supported' };
      const limited = {
        wallet: wallet.limits == null ? null : StoredWalletLimits.parse(wallet.limits),
        player: player.limits == null ? null : StoredPlayerLimits.parse(player.limits),
      };
      if (isUsedUp({ ...limited, at: now })) return { type: 'limit-reached' };
      // Before the provider is called: it may ask with the token at once.
      const token = newLaunchToken(player.lane);
      const session = await insertSession(orm, input, token);
      try {
        const { url } = await provider.client.launch(requestOf(input, provider, session, token));
        assertWebUrl(url);
        return { type: 'launched', url, session };
      } catch (error) {
        const { lane, id } = session;
        await orm.em.fork().nativeUpdate(GameSession, { lane, id }, { failed: true });
        if (!(error instanceof ProviderError)) throw error;
        failed(integration, error);
        return { type: 'provider-unavailable', retryable: isWorthRepeating(error) };
      }
    },
  };
}

/** An integration has a catalogue once it has games; until then every game is taken at the caller's word. */
async function gameRefusal(
  orm: MikroORM,
  { integration, game, currency }: LaunchInput,
): Promise<'game-unavailable' | 'currency-not-supported' | undefined> {
  if (game === undefined) return undefined;
  const em = orm.em.fork();
  const known = await em.findOne(Game, { integration, id: game });
  if (known === null) return (await em.count(Game, { integration })) > 0 ? 'game-unavailable' : undefined;
  if (known.status !== 'ACTIVE') return 'game-unavailable';
  const offered = known.currencies.length === 0 || known.currencies.includes(currency);
  return offered ? undefined : 'currency-not-supported';
}

function requestOf(
  { player, currency, game, language, returnUrl, platform = 'desktop', demo = false }: LaunchInput,
  { displayDecimals }: LaunchProvider,
  session: LaunchedSession,
  token: string,
): LaunchRequest {
  return {
    launchId: formatId('session', session),
    token,
    player: player.externalId,
    playerPublicId: formatId('player', player),
    currency,
    displayDecimals: displayDecimals(currency),
    game,
    language,
    returnUrl,
    platform,
    demo,
  };
}

async function insertSession(orm: MikroORM, input: LaunchInput, token: string): Promise<LaunchedSession> {
  const { player, integration, currency, game, platform = 'desktop', device = null, demo = false } = input;
  const session = { lane: player.lane, integration, currency, game: game ?? null, createdAt: new Date() };
  const [inserted] = await orm.em
    .fork()
    .createQueryBuilder(GameSession)
    .insert({ ...session, playerId: player.id, tokenHash: hashLaunchToken(token), platform, device, demo })
    .returning(['id'])
    .execute('all');
  if (inserted === undefined) throw new Error('The database gave a new session no id');
  return { ...session, id: BigInt(String(inserted.id)) };
}

/** The player's browser opens it: a `javascript:` URL would run on the operator's page. @throws ProviderError */
function assertWebUrl(text: string): void {
  const protocol = URL.parse(text)?.protocol;
  if (protocol === 'https:' || protocol === 'http:') return;
  throw new ProviderError('INVALID_ANSWER', 'The launch URL is not a web address.');
}
