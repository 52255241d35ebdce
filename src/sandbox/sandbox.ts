import { closeConnection } from '../adapters/contract.js';
import { type Provider, providers } from '../adapters/registry.js';
import type { App } from '../app.js';
import { issueToken } from '../auth.js';
import { CatalogueError } from '../catalogue/errors.js';
import type { Config } from '../config.js';
import type { IntegrationConfig } from '../config/types.js';
import type { Logger } from '../observability/logger.js';
import { type Simulator, startSimulator } from '../simulator/simulator.js';
import { curlBet } from './curl-bet.js';
import { bold, dim } from './paint.js';
import { demoPlayers, seedDemoPlayers } from './players.js';

/** What `npm start` adds when nothing is configured: demo players, simulated providers, and a page of directions. */
export interface Sandbox {
  close(): Promise<void>;
}

const TOKEN_HOURS = 12;

/** An integration whose provider this process plays. */
interface Played {
  readonly integration: IntegrationConfig;
  readonly provider: Provider;
  readonly callbackUrl: string;
  readonly simulator: Simulator;
}

export async function openSandbox(config: Config, app: App, url: string, logger: Logger): Promise<Sandbox> {
  if (config.mode === 'sandbox') await seedDemoPlayers(config, app);
  const started = await Promise.allSettled(config.simulators.map((each) => play(config, each, url, logger)));
  const played = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const close = async (): Promise<void> => {
    await Promise.all(played.map(({ simulator }) => simulator.close()));
  };
  const failed = started.find((each) => each.status === 'rejected');
  if (failed !== undefined) {
    await close();
    throw failed.reason;
  }
  if (config.mode === 'sandbox') await readCatalogues(app, played, logger);
  if (config.mode === 'sandbox') process.stdout.write(await directions(config, url, played));
  return { close };
}

async function readCatalogues({ catalogue }: App, played: readonly Played[], logger: Logger): Promise<void> {
  await Promise.all(
    played.map(async ({ integration: { id } }) => {
      try {
        await catalogue.syncCatalogue(id);
      } catch (error) {
        if (error instanceof CatalogueError && error.code === 'NO_CATALOGUE') return;
        logger.error({ err: error }, `The catalogue of ${id} was not synchronised`);
      }
    }),
  );
}

async function play(
  { mode, integrations }: Config,
  { integration: id, port }: Config['simulators'][number],
  url: string,
  logger: Logger,
): Promise<Played> {
  const integration = integrations.find((each) => each.id === id);
  const provider = providers.get(integration?.adapter ?? '');
  if (integration === undefined || provider === undefined) throw new Error(`nobody can play "${id}".`);
  const callbackUrl = `${url}/callbacks/${id}`;
  const { settings } = integration;
  const { side, adapter } = provider;
  try {
    const simulator = await startSimulator({ side, settings, title: adapter.title, callbackUrl, port, logger });
    return { integration, provider, callbackUrl, simulator };
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error;
    const cure = mode === 'sandbox' ? 'set SIMULATOR_PORT to another' : 'give another under "simulators"';
    throw new Error(`port ${port} of a simulated provider is taken; stop what listens there or ${cure}.`, {
      cause: error,
    });
  }
}

/** What a newcomer sees first: where everything is, and one command that moves money. */
async function directions(config: Config, url: string, played: readonly Played[]): Promise<string> {
  const { auth } = config;
  const brand = config.brands[0]?.id ?? '';
  const token = async (role: 'player' | 'operator', subject: string): Promise<string> =>
    auth.kind === 'secret'
      ? issueToken(auth.secret, { subject, brand, roles: [role] }, TOKEN_HOURS * 3_600)
      : '(tokens come from your key server)';
  const [player] = demoPlayers;
  return `
${bold('Croupier is ready')}: a sandbox with play money.

  Begin here   ${bold(`${url}/explorer`)}
               You are ${player} there. Run Launch, open the URL it answers in another tab, run Watch, and place a bet.

  GraphQL      ${url}/graphql   ${dim('with the header "authorization: Bearer <token>"')}
  Players      ${demoPlayers.join(', ')}, who each began with EUR 1000.00, USD 1000.00 and BTC 0.5
  Providers    ${dim('simulated; launch a game to play it')}
${providerList(played)}

  Token of ${player}, for ${TOKEN_HOURS} hours:
${await token('player', player)}
  Token of the operator, for ${TOKEN_HOURS} hours:
${await token('operator', 'operator@sandbox')}
${bettingDirections(played, player)}
  ${dim('Ctrl-C stops everything; the data stays in .croupier/. A line for every callback: LOG_LEVEL=info npm start')}

`;
}

function providerList(played: readonly Played[]): string {
  const width = Math.max(0, ...played.map(({ integration }) => integration.id.length));
  return played
    .map(({ integration, provider, simulator }) => {
      const games = provider.side.games.map(({ id }) => id).join(', ');
      const offer = games === '' ? provider.adapter.title : `${provider.adapter.title}: ${games}`;
      return `    ${integration.id.padEnd(width)}  ${simulator.url}  ${dim(offer)}`;
    })
    .join('\n');
}

/** Of the first provider whose bet a shell can sign. */
function bettingDirections(played: readonly Played[], player: string): string {
  for (const { integration, provider, callbackUrl } of played) {
    const { adapter, currencies } = integration;
    const [currency] = currencies;
    if (currency === undefined) continue;
    const command = curlBet({ adapter, side: provider.side, callbackUrl, player, currency });
    if (command === undefined) continue;
    return `
${bold('A signed bet')}, as ${integration.id} is sent one. Paste this in another terminal, in this folder:

${command}

  ${player} has ${currency} 5.00 less then. Paste the last line again: the same answer, and nothing moves. Change BODY and
  paste the last line: it is refused, as the signature is wrong. All that this protocol says then is
    ${forgeryAnswer(provider, integration)}
  The reason stands in GraphQL, asked with the operator's token:
    { callbacks(first: 1, filter: { refusedOnly: true }) { edges { node { verdict httpStatus answer } } } }
`;
  }
  return '';
}

/** What the provider is told of a request with a wrong signature. Some protocols have no word of their own for it. */
function forgeryAnswer({ adapter }: Provider, integration: IntegrationConfig): string {
  const reply = adapter.bind(integration).refuse('UNAUTHENTICATED', { callback: undefined });
  return reply === closeConnection ? 'nothing: the connection is closed.' : `HTTP ${reply.status} ${reply.body}`;
}
