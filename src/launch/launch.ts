import type { MikroORM } from '@mikro-orm/postgresql';
import { type ProviderClient, ProviderError } from '../adapters/contract.js';
import { GameSession, Wallet } from '../entities/index.js';
import type { PlayerStatus } from '../ledger/commands.js';

/** The outgoing side of one active integration. */
export interface LaunchProvider {
  readonly client: ProviderClient;
  readonly brand: string;
  readonly currencies: ReadonlySet<string>;
}

interface LaunchInput {
  readonly player: {
    readonly lane: number;
    readonly id: bigint;
    readonly brandId: string;
    readonly externalId: string;
    readonly status: PlayerStatus;
  };
  readonly integration: string;
  readonly currency: string;
  /** Provider's id of the game; undefined where the provider is one game (a sportsbook). */
  readonly game: string | undefined;
  /** ISO 639-1 language code. */
  readonly language: string | undefined;
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
  | { readonly type: 'game-unavailable' }
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
    async launchGame({ player, integration, currency, game, language }) {
      const provider = providers.get(integration);
      // Another brand's integration is told apart from an unknown one nowhere.
      if (provider === undefined || provider.brand !== player.brandId) return { type: 'game-unavailable' };
      if (player.status !== 'ACTIVE') return { type: 'player-not-active', status: player.status };
      if (!provider.currencies.has(currency)) return { type: 'currency-not-supported' };
      const wallet = await orm.em.fork().count(Wallet, { lane: player.lane, playerId: player.id, currency });
      // Every bet of the game would be refused.
      if (wallet === 0) return { type: 'currency-not-supported' };
      let url: string;
      try {
        ({ url } = await provider.client.launch({ player: player.externalId, currency, game, language }));
        assertWebUrl(url);
      } catch (error) {
        if (!(error instanceof ProviderError)) throw error;
        failed(integration, error);
        return { type: 'provider-unavailable', retryable: isWorthRepeating(error) };
      }
      const session = { lane: player.lane, integration, currency, game: game ?? null, createdAt: new Date() };
      return { type: 'launched', url, session: { ...session, id: await insertSession(orm, player.id, session) } };
    },
  };
}

async function insertSession(orm: MikroORM, playerId: bigint, session: Omit<LaunchedSession, 'id'>): Promise<bigint> {
  const [inserted] = await orm.em
    .fork()
    .createQueryBuilder(GameSession)
    .insert({ ...session, playerId })
    .returning(['id'])
    .execute('all');
  if (inserted === undefined) throw new Error('The database gave a new session no id');
  return BigInt(String(inserted.id));
}

/** The player's browser opens it: a `javascript:` URL would run on the operator's page. @throws ProviderError */
function assertWebUrl(text: string): void {
  const protocol = URL.parse(text)?.protocol;
  if (protocol === 'https:' || protocol === 'http:') return;
  throw new ProviderError('INVALID_ANSWER', 'The launch URL is not a web address.');
}

function isWorthRepeating({ code }: ProviderError): boolean {
  return code === 'UNREACHABLE' || code === 'TIMEOUT' || code === 'CIRCUIT_OPEN';
}
