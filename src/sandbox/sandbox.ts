import { IgpxSettings } from '../adapters/igpx/index.js';
import type { App } from '../app.js';
import { issueToken } from '../auth.js';
import type { Config } from '../config.js';
import type { Logger } from '../observability/logger.js';
import { type IgpxSimulator, startIgpxSimulator } from '../simulator/igpx/server.js';
import { bold, dim } from './paint.js';
import { demoPlayers, seedDemoPlayers } from './players.js';

/** What `npm start` adds when nothing is configured: demo players, simulated providers, and a page of directions. */
export interface Sandbox {
  close(): Promise<void>;
}

const TOKEN_HOURS = 12;

export async function openSandbox(config: Config, app: App, url: string, logger: Logger): Promise<Sandbox> {
  if (config.mode === 'sandbox') await seedDemoPlayers(config, app);
  const simulators = await Promise.all(config.simulators.map((each) => startSimulator(config, each, url, logger)));
  if (config.mode === 'sandbox') process.stdout.write(await directions(config, url, simulators));
  return {
    close: async () => {
      await Promise.all(simulators.map((each) => each.close()));
    },
  };
}

async function startSimulator(
  { mode, integrations }: Config,
  { integration, port }: Config['simulators'][number],
  url: string,
  logger: Logger,
): Promise<IgpxSimulator> {
  const settings = integrations.find(({ id }) => id === integration)?.settings;
  const callbackUrl = `${url}/callbacks/${integration}`;
  try {
    return await startIgpxSimulator({ port, callbackUrl, settings: IgpxSettings.parse(settings), logger });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error;
    const cure = mode === 'sandbox' ? 'set SIMULATOR_PORT to another' : 'give another under "simulators"';
    throw new Error(`port ${port} of the simulated provider is taken; stop what listens there or ${cure}.`, {
      cause: error,
    });
  }
}

/** What a newcomer sees first: where everything is, and one command that moves money. */
async function directions(config: Config, url: string, simulators: readonly IgpxSimulator[]): Promise<string> {
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
  Provider     ${simulators.map((each) => each.url).join(', ')}   ${dim('a simulated sportsbook; launch it to play')}
  Players      ${demoPlayers.join(', ')}, each with EUR 1000.00, USD 1000.00 and BTC 0.5

  Token of ${player}, for ${TOKEN_HOURS} hours:
${await token('player', player)}
  Token of the operator, for ${TOKEN_HOURS} hours:
${await token('operator', 'operator@sandbox')}

${bold('A signed bet')}, as the provider sends it. Paste this in another terminal, in this folder:

${betCommand(url)}

  It answers {"error":null,"transaction_id":"tx_…"}, and ${player} has EUR 5.00 less. Paste the last line again: the same
  answer, and nothing moves. Change BODY and paste the last line: {"error":"INTERNAL_ERROR"}, as the signature is wrong.

  ${dim('Ctrl-C stops everything; the data stays in .croupier/. A line for every callback: LOG_LEVEL=info npm start')}

`;
}

/** The signature is made by openssl from the secret that the sandbox keeps, so nothing secret is printed. */
function betCommand(url: string): string {
  return `  BODY='{"transaction_id":"hello-'$(date +%s)'","action":"bet","user_id":"${demoPlayers[0]}","currency":"EUR","amount":"5.00"}'
  HASH=$(sed -n 's/.*"igpxSecurityHash": "\\(.*\\)".*/\\1/p' .croupier/sandbox.json)
  SIGNATURE=$(printf %s "$BODY" | openssl dgst -sha256 -hmac "$HASH" | sed 's/.* //')
  curl -s ${url}/callbacks/igpx-demo/transaction -H "X-Security-Hash: $SIGNATURE" -d "$BODY"; echo`;
}
