import type { MikroORM } from '@mikro-orm/postgresql';
import type { Express, Request, Response } from 'express';
import { ruruHTML } from 'ruru/server';
import { serveStatic as serveRuru } from 'ruru/static';
import { providers } from '../adapters/registry.js';
import { issueToken } from '../auth.js';
import type { Config } from '../config.js';
import { Player, Wallet } from '../entities/index.js';
import { formatId } from '../ledger/ids.js';
import { demoPlayers } from './players.js';

const PATH = '/explorer';
const ASSETS = `${PATH}/assets/`;
const TOKEN_SECONDS = 12 * 3_600;

/** The page can load nothing from elsewhere, and nobody else's page can frame it. */
const contentSecurity = [
  "default-src 'self'",
  "script-src 'self' 'unsafe-inline'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The explorer asks for the schema before its editor of headers is there, and so without a token. */
const askForSchema = `
const plainFetch = window.fetch;
window.fetch = (url, options) => {
  if (!String(options?.body).includes('"operationName":"IntrospectionQuery"')) return plainFetch(url, options);
  return plainFetch(url, { ...options, headers: { ...JSON.parse(RURU_CONFIG.initialHeaders), ...options.headers } });
};
`;

export interface ExplorerOptions {
  readonly config: Pick<Config, 'mode' | 'auth' | 'brands' | 'integrations'>;
  readonly orm: MikroORM;
}

/** What the editors hold at first. */
interface Start {
  readonly greeting: string;
  readonly authorization: string;
  readonly walletId: string;
}

/** A GraphQL explorer that works without a network: every file comes from the package. */
export function mountExplorer(app: Express, { config, orm }: ExplorerOptions): void {
  const show = async (request: Request, response: Response): Promise<void> => {
    const start = (isFromHere(request) && (await demoStart(config, orm))) || blankStart;
    response
      .set({ 'cache-control': 'no-store', 'content-security-policy': contentSecurity })
      .type('html')
      .send(explorerPage(start, request.headers.host ?? 'localhost', config));
  };
  app.use(serveRuru(ASSETS));
  app.get(PATH, (request, response) => show(request, response));
  app.get('/', (_request, response) => response.redirect(PATH));
}

function explorerPage(start: Start, host: string, { integrations }: ExplorerOptions['config']): string {
  const headers = JSON.stringify({ authorization: start.authorization }, null, 2);
  const editors = {
    staticPath: ASSETS,
    endpoint: '/graphql',
    // The headers go to the WebSocket too, as the payload of its `connection_init`.
    subscriptionEndpoint: `ws://${host}/graphql`,
    // The browser keeps what was typed before; the token and the wallet's id are always those of this sandbox.
    defaultQuery: startQuery(start.greeting, integrations[0]),
    initialVariables: JSON.stringify({ wallet: start.walletId }, null, 2),
    initialHeaders: headers,
    defaultHeaders: headers,
  };
  // "<" is escaped, so that no text can end the script element.
  const json = JSON.stringify(editors).replaceAll('<', '\\u003c');
  return ruruHTML({
    staticPath: ASSETS,
    htmlParts: {
      titleTag: '<title>Croupier explorer</title><link rel="icon" href="data:,">',
      configScript: `<script>const RURU_CONFIG = ${json};\n${askForSchema}</script>`,
    },
  });
}

/** The name asked for is checked too: a foreign page whose name was pointed at this machine must not read a token. */
function isFromHere({ hostname, socket }: Request): boolean {
  const isLoopback = /^(?:::ffff:)?127\.|^::1$/.test(socket.remoteAddress ?? '');
  return isLoopback && ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
}

/** The sandbox's first player, ready to play. */
async function demoStart(
  { mode, auth, brands, integrations }: ExplorerOptions['config'],
  orm: MikroORM,
): Promise<Start | undefined> {
  const brand = brands[0]?.id;
  const [externalId] = demoPlayers;
  const currency = integrations[0]?.currencies[0];
  if (mode !== 'sandbox' || auth.kind !== 'secret' || brand === undefined || currency === undefined) return undefined;
  const em = orm.em.fork();
  const player = await em.findOne(Player, { brandId: brand, externalId });
  const wallet = player && (await em.findOne(Wallet, { lane: player.lane, playerId: player.id, currency }));
  if (!wallet) return undefined;
  const token = await issueToken(auth.secret, { subject: externalId, brand, roles: ['player'] }, TOKEN_SECONDS);
  return {
    greeting: `# You are ${externalId}: your token is below, in Headers.`,
    authorization: `Bearer ${token}`,
    walletId: formatId('wallet', wallet),
  };
}

const blankStart: Start = {
  greeting: '# Put a token into Headers, below, and for Watch\n# the id of a wallet into Variables.',
  authorization: 'Bearer <token>',
  walletId: 'wa_...',
};

/** Lines are short, so that they fit beside the answer. */
function startQuery(greeting: string, launched: Config['integrations'][number] | undefined): string {
  const [game] = providers.get(launched?.adapter ?? '')?.side.games ?? [];
  return `${greeting}
# The play button runs one of these.

# Who am I, and what have I got?
query Me {
  me {
    id
    externalId
    wallets { id currency balance { amount } }
  }
}

# A game to play: open the url in a new browser tab.
mutation Launch {
  launchGame(input: {
    integration: "${launched?.id ?? ''}"
    currency: "${launched?.currencies[0] ?? ''}"${game === undefined ? '' : `\n    game: "${game.id}"`}
  }) {
    ... on LaunchSession { url }
    ... on Refusal { message }
  }
}

# My balance, live: leave it running and place a bet.
subscription Watch($wallet: ID!) {
  balanceChanged(walletId: $wallet) {
    sequence
    balance { amount currency }
    transaction { kind amount { amount } }
  }
}

# What happened? Newest first.
query History {
  transactions(first: 10) {
    edges {
      node {
        kind
        amount { amount currency }
        balanceAfter { amount }
        createdAt
      }
    }
  }
}
`;
}
