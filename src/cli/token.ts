import { parseArgs } from 'node:util';
import { adapters } from '../adapters/registry.js';
import { issueToken, type Role, roles } from '../auth.js';
import { describeProblems, loadConfig } from '../config.js';
import { answerHelp, describeMisuse, UsageError } from './usage.js';

const usage = `Usage: npm run token -- --role <role> [--player <external id>] [--brand <brand>] [--hours <hours>]
  --role    ${roles.join(', ')}; may be given several times
  --player  the player's external id; needed with the role player
  --brand   default: the first brand of the configuration
  --hours   how long the token lives; default 12, at most 720`;

const hoursMax = 720;

/** `npm run token`: prints a token signed with the secret this configuration checks tokens with. Not in production. */
async function run(args: string[], env: NodeJS.ProcessEnv): Promise<string> {
  const wish = readArguments(args);
  const { mode, auth, brands } = loadConfig(env, { adapters });
  if (mode === 'production') throw new UsageError('In production tokens come from your own identity provider.');
  if (auth.kind !== 'secret') throw new UsageError('Tokens are checked with a key set here; its owner signs them.');
  const brand = wish.brand ?? brands[0]?.id;
  if (brand === undefined || !brands.some(({ id }) => id === brand)) {
    throw new UsageError(`The configuration has no brand "${brand}".`);
  }
  return issueToken(auth.secret, { subject: wish.subject, brand, roles: wish.roles }, Math.round(wish.hours * 3_600));
}

function readArguments(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      role: { type: 'string', multiple: true },
      player: { type: 'string' },
      brand: { type: 'string' },
      hours: { type: 'string', default: '12' },
    },
  });
  const wanted = (values.role ?? []).map((name) => {
    const role = roles.find((each) => each === name);
    if (role === undefined) throw new UsageError(`There is no role "${name}".`);
    return role;
  });
  const hours = Number(values.hours);
  if (!(hours > 0 && hours <= hoursMax)) throw new UsageError(`--hours must be above 0 and at most ${hoursMax}.`);
  return { subject: subjectOf(wanted, values.player), brand: values.brand, roles: wanted, hours };
}

function subjectOf(wanted: readonly Role[], player: string | undefined): string {
  if (wanted.length === 0) throw new UsageError('--role is missing.');
  if (wanted.includes('player') && !player) throw new UsageError('--player is missing: whose token is it?');
  return player ?? `${wanted.join('-')}@sandbox`;
}

answerHelp(usage);
try {
  console.log(await run(process.argv.slice(2), process.env));
} catch (error) {
  console.error(describeMisuse(error, usage) ?? describeProblems(error));
  process.exitCode = 1;
}
