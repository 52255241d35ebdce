import type { Express, Request } from 'express';
import { ruruHTML } from 'ruru/server';
import { serveStatic as serveRuru } from 'ruru/static';
import { issueToken } from '../auth.js';
import type { Config } from '../config.js';
import { formatId } from '../ledger/ids.js';
import type { PlayerDirectory } from '../players/directory.js';
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
  readonly directory: PlayerDirectory;
}

/** What the editors hold at first. */
interface Start {
  readonly greeting: string;
  readonly authorization: string;
  readonly playerId: string;
}

/** A GraphQL explorer that works without a network: every file comes from the package. */
export function mountExplorer(app: Express, { config, directory }: ExplorerOptions): void {
  const launchInto = config.integrations[0];
  app.use(serveRuru(ASSETS));
  app.get(PATH, async (request, response) => {
    const start = (await demoStart(request, config, directory)) ?? blankStart;
    const headers = JSON.stringify({ authorization: start.authorization }, null, 2);
    const editors = {
      staticPath: ASSETS,
      endpoint: '/graphql',
      // The headers go to the WebSocket too, as the payload of its `connection_init`.
      subscriptionEndpoint: `ws://${request.headers.host ?? 'localhost'}/graphql`,
      // What was typed before is kept by the browser; the token and the player's id are those of this start.
      defaultQuery: startQuery(start.greeting, launchInto?.id ?? '', launchInto?.currencies[0] ?? ''),
      initialVariables: JSON.stringify({ player: start.playerId }, null, 2),
      initialHeaders: headers,
      defaultHeaders: headers,
    };
    // "<" is escaped, so that no text can end the script element.
    const json = JSON.stringify(editors).replaceAll('<', '\\u003c');
    const page = ruruHTML({
      staticPath: ASSETS,
      htmlParts: {
        titleTag: '<title>Croupier explorer</title><link rel="icon" href="data:,">',
        configScript: `<script>const RURU_CONFIG = ${json};\n${askForSchema}</script>`,
      },
    });
    response
      .set({ 'cache-control': 'no-store', 'content-security-policy': contentSecurity, 'referrer-policy': 'no-referrer' })
      .type('html')
      .send(page);
  });
}

/** The sandbox's first player, ready to play; only for a browser on this machine. */
async function demoStart(
  request: Request,
  { mode, auth, brands }: ExplorerOptions['config'],
  directory: PlayerDirectory,
): Promise<Start | undefined> {
  const [brand] = brands;
  const [externalId] = demoPlayers;
  if (mode !== 'sandbox' || auth.kind !== 'secret' || brand === undefined || !isFromHere(request)) return undefined;
  const player = await directory.find(brand.id, externalId);
  if (player === undefined) return undefined;
  const token = await issueToken(auth.secret, { subject: externalId, brand: brand.id, roles: ['player'] }, TOKEN_SECONDS);
  return {
    greeting: `# You are the player ${externalId}. The token is below, in Headers.`,
    authorization: `Bearer ${token}`,
    playerId: formatId('player', player),
  };
}

const blankStart: Start = {
  greeting: '# Below, put a token into Headers; for Watch, your id into Variables.',
  authorization: 'Bearer …',
  playerId: 'pl_…',
};

/** The name asked for is checked too: a foreign page whose name was pointed at this machine must not read a token. */
function isFromHere({ hostname, socket }: Request): boolean {
  const isLoopback = /^(?:::ffff:)?127\.|^::1$/.test(socket.remoteAddress ?? '');
  return isLoopback && ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
}

/** Lines are short, so that they fit beside the answer. */
function startQuery(greeting: string, integration: string, currency: string): string {
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
    integration: "${integration}", currency: "${currency}"
  }) {
    ... on LaunchSession { url }
    ... on Refusal { message }
  }
}

# My balances, live. Leave it running and place a bet.
subscription Watch($player: ID!) {
  balanceChanged(playerId: $player) {
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
