import { isNonNullType, OperationTypeNode } from 'graphql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Role } from '../../src/auth.js';
import { rolesOf } from '../../src/schema/access.js';
import { buildGraphqlSchema } from '../../src/schema/build-schema.js';
import { startTestApp } from '../support/app.js';
import { type Random, seeded } from '../support/random.js';
import type { Fill } from '../support/schema-walk.js';
import { openClient } from './client.js';
import { argumentsOf, type Chain, chainsOf, isMutation, writeProbe } from './foreign-probes.js';
import { createForeignWorld, type MarkedPlayer } from './foreign-world.js';

/**
 * Every field of the schema, with every argument, is asked for what belongs to somebody else: another player of the brand, or
 * another brand. No answer may hold anything of theirs. New fields are probed as soon as they are in the schema.
 */
const AT_ONCE = 8;

const schema = buildGraphqlSchema();
// What a mutation or a subscription leads to is reached by queries too; here it is refused before there is anything to read.
const chains = chainsOf(schema).filter(
  ({ root, steps }) => root.operation === OperationTypeNode.QUERY || steps.length < 2,
);
const askable = chains.filter(({ root }) => root.operation !== OperationTypeNode.SUBSCRIPTION);
/** At least one down every chain. */
const PROBE_COUNT = Math.max(Number(process.env['PROBES'] ?? 1_000), askable.length);

let app: Awaited<ReturnType<typeof startTestApp>>;
let world: readonly MarkedPlayer[];
let viewers: readonly Viewer[];

/** Somebody with a token, and those whose rows the token may not see. */
interface Viewer {
  readonly name: string;
  readonly role: Role;
  readonly token: string;
  readonly own: MarkedPlayer;
  readonly foreign: readonly MarkedPlayer[];
}

/** Ids and cursors that owners were given, by the mark of the player they were asked about. */
const harvest = new Map<string, Set<string>>();

beforeAll(async () => {
  app = await startTestApp({
    config: {
      graphql: { introspection: true, explorer: false, costPerMinute: { player: 1_000_000_000, staff: 1_000_000_000 } },
    },
  });
  world = await createForeignWorld(app);
  viewers = await openViewers();
  await reap();
}, 60_000);
afterAll(() => app.close());

async function openViewers(): Promise<Viewer[]> {
  const [anna, adam, berta] = world;
  if (anna === undefined || adam === undefined || berta === undefined) throw new Error('nobody to look at');
  const others = (brand: string): MarkedPlayer[] => world.filter((each) => each.brand !== brand);
  const view = async (role: Role, own: MarkedPlayer): Promise<Viewer> => ({
    name: `${role} of ${own.brand}`,
    role,
    own,
    token: await app.token(role, role === 'player' ? own.externalId : `${role}-of-${own.brand}`, { brand: own.brand }),
    foreign: role === 'player' ? world.filter((each) => each !== own) : others(own.brand),
  });
  const staff: readonly Role[] = ['support', 'analyst', 'operator', 'service'];
  return Promise.all([
    view('player', anna),
    ...staff.map((role) => view(role, anna)),
    view('operator', berta),
    view('player', berta),
  ]);
}

async function ask(token: string, query: string): Promise<unknown> {
  const response = await fetch(`${app.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query }),
  });
  return response.json();
}

/** Every text of an answer, with the name it stands under. */
function textsOf(value: unknown, name = ''): { name: string; text: string }[] {
  if (typeof value === 'string') return [{ name, text: value }];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) => textsOf(each, Array.isArray(value) ? name : key));
}

/** What of a player's is in an answer. */
function traces(player: MarkedPlayer, answer: unknown): string[] {
  const known = new Set([...Object.values(player.ids), ...player.amounts, ...(harvest.get(player.mark) ?? [])]);
  const [, wallet = ''] = player.ids.walletId.split('_');
  return textsOf(answer)
    .map(({ text }) => text)
    .filter(
      (text) => text.includes(player.mark) || known.has(text.replace(/^-/, '')) || text.startsWith(`tx_${wallet}_`),
    );
}

/** A brand's staff is not even told the name of another brand's integration. */
function tracesOfBrand(viewer: Viewer, answer: unknown): string[] {
  if (viewer.foreign.some(({ brand }) => brand === viewer.own.brand) && viewer.role !== 'player') return [];
  const foreign = viewer.foreign.find(({ brand }) => brand !== viewer.own.brand)?.integration;
  return textsOf(answer)
    .map(({ text }) => text)
    .filter((text) => text === foreign);
}

/** Owners ask for their own: what they get is what others may not get. It also shows that the probes can see something. */
async function reap(): Promise<void> {
  const queries = chains.filter(({ root, steps }) => root.operation === OperationTypeNode.QUERY && steps.length < 3);
  const listing = queries.filter(({ path }) => /^\w+\.\w+$|\.(edges|pageInfo)$/.test(path));
  for (const [index, player] of world.entries()) {
    const tokens = {
      player: await app.token('player', player.externalId, { brand: player.brand }),
      operator: await app.token('operator', 'reaper', { brand: player.brand }),
    };
    const found = new Set<string>();
    const own = (name: string, required: boolean) => (required || name === 'id' ? player : undefined);
    const document = (chain: Chain) => writeProbe(schema, chain, fillWith(own, idFor(chain), seeded(index)));
    // Staff sees the whole brand: only what is asked about one player is that player's.
    const asked = listing.flatMap((chain) => [
      { token: tokens.player, chain },
      ...(/^Query\.(player|wallet|session|transaction|round)\b/.test(chain.path)
        ? [{ token: tokens.operator, chain }]
        : []),
    ]);
    await inParallel(asked.length, async (place) => {
      const one = asked[place];
      for (const { name, text } of one === undefined ? [] : textsOf(await ask(one.token, document(one.chain)))) {
        if (/cursor$/i.test(name) || (name === 'id' && /^[a-z]{2}_/.test(text))) found.add(text);
      }
    });
    harvest.set(player.mark, found);
  }
}

/** Which value of a player goes where, by the name of the argument. */
function textOf(name: string, player: MarkedPlayer, random: Random): string {
  const { mark, ids, integration } = player;
  const named: Readonly<Record<string, readonly string[]>> = {
    ...Object.fromEntries(Object.entries(ids).map(([key, id]) => [key, [id]])),
    id: [...Object.values(ids), ...[...(harvest.get(mark) ?? [])].filter((text) => /^[a-z]{2}_/.test(text))],
    brand: [player.brand],
    externalId: [mark, `${mark}-round`],
    externalKey: [`${mark}-bet`, `${mark}-win`, `${mark}-undo`, `${mark}-cb`],
    key: [`${mark}-bet`, `${mark}-cb`],
    integration: [integration],
    integrations: [integration],
    round: [`${mark}-round`],
    game: [`${mark}-game`],
    currency: ['EUR'],
    device: [`${mark}-device`],
    subject: ['nobody-at-all'],
    reason: ['a probe'],
    language: ['en'],
  };
  const cursors = [...(harvest.get(mark) ?? [])].filter((text) => !/^[a-z]{2}_/.test(text));
  const any = [...Object.values(ids), mark, `${mark}-round`, `${mark}-bet`];
  const choices = name === 'after' || name === 'before' ? (cursors.length > 0 ? cursors : any) : (named[name] ?? any);
  return choices[random.below(choices.length)] ?? mark;
}

/**
 * @param whose the player whose value an argument gets, or undefined to leave it out
 * @param idOf the id that "id" must be, where the field says what it wants
 */
function fillWith(
  whose: (name: string, required: boolean) => MarkedPlayer | undefined,
  idOf: (player: MarkedPlayer) => string | undefined,
  random: Random,
): Fill {
  return ({ name, type, required, options }) => {
    if (type === 'Int') return name === 'first' ? '3' : required ? '1' : undefined;
    const player = whose(name, required);
    if (player === undefined) return undefined;
    if (options.length > 0) return options[random.below(options.length)];
    if (type === 'Boolean') return random.chance(0.5) ? 'true' : 'false';
    if (type === 'Decimal') return '"1.00"';
    if (type === 'DateTime') {
      const ms = Date.now() + (/^(to|until|before)$/.test(name) ? 3_600_000 : -20 * 3_600_000);
      return JSON.stringify(new Date(ms).toISOString());
    }
    return JSON.stringify((name === 'id' ? idOf(player) : undefined) ?? textOf(name, player, random));
  };
}

/** "wallet(id:)" wants the id of a wallet. */
function idFor(chain: Chain): (player: MarkedPlayer) => string | undefined {
  const noun = /^approve(.*)$/.exec(chain.root.field.name)?.[1]?.toLowerCase() ?? chain.root.field.name;
  return ({ ids }) => Object.entries(ids).find(([name]) => name === `${noun}Id`)?.[1];
}

interface Probe {
  readonly chain: Chain;
  readonly viewer: Viewer;
  readonly document: string;
}

/** The first probes go once down every chain, the next ones again with other arguments, other eyes and other players. */
function probeAt(index: number): Probe {
  const random = seeded(index);
  const pick = <Item>(items: readonly Item[]): Item => {
    const item = items[random.below(items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  };
  const chain = askable[index % askable.length] ?? pick(askable);
  const allowed = rolesOf[isMutation(chain) ? 'Mutation' : 'Query'][chain.root.field.name] ?? [];
  const viewer = pick(viewers.filter(({ role }) => allowed.includes(role)));
  const foreign = pick(viewer.foreign);
  const names = argumentsOf(chain);
  const aim = names.length === 0 ? '' : pick(names);
  const required = new Set(chain.root.field.args.filter(({ type }) => isNonNullType(type)).map(({ name }) => name));
  // From a foreign root a chain leads nowhere, if all is well: most go through the viewer's own and are foreign further on.
  const everywhere = random.chance(chain.steps.length === 0 ? 0.7 : 0.25);
  const whose = (name: string, isRequired: boolean): MarkedPlayer | undefined => {
    if (isMutation(chain)) {
      // Nobody's own money may move: whoever is meant is foreign, or, where nobody has to be named, the integration is.
      if (name === aim || (isRequired && name !== 'integration')) return foreign;
      return isRequired ? viewer.own : undefined;
    }
    if ((name === aim && !(required.has(name) && chain.steps.length > 0)) || (isRequired && everywhere)) return foreign;
    if (isRequired || required.has(name)) return viewer.own;
    return random.chance(0.15) ? pick([viewer.own, foreign]) : undefined;
  };
  const fill = fillWith(whose, idFor(chain), random);
  const named: Fill = (asked) => {
    const value = fill(asked);
    // What a mutation only names, such as a device, is the viewer's own afterwards, whoever used the name before.
    const isName = asked.type === 'String' && !/^(currency|language)$/.test(asked.name);
    return isMutation(chain) && isName && value !== undefined ? `"probe-${index}"` : value;
  };
  return { chain, viewer, document: writeProbe(schema, chain, named) };
}

async function inParallel(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < count) await work(next++);
    }),
  );
}

const refusedUnread = new Set(['GRAPHQL_VALIDATION_FAILED', 'GRAPHQL_PARSE_FAILED', 'QUERY_TOO_COMPLEX', 'INTERNAL']);

/** What the books and the staff say of all four. */
async function stateOf(players: readonly MarkedPlayer[]): Promise<unknown> {
  const ids = players.map(({ id }) => id);
  const read = async (statement: string) => (await app.database.owner.query(statement, [ids])).rows;
  return [
    await read('select * from player where id = any($1) order by id'),
    await read('select * from wallet where player_id = any($1) order by id'),
    await read('select count(*) from ledger_transaction where player_id = any($1)'),
    await read('select * from adjustment where player_id = any($1) order by id'),
  ];
}

test('owners see their own through these probes', () => {
  for (const { mark, ids } of world) {
    const found = harvest.get(mark) ?? new Set();
    for (const id of [ids.playerId, ids.walletId, ids.transactionId, ids.sessionId]) expect(found).toContain(id);
    expect([...found].filter((text) => !/^[a-z]{2}_/.test(text)).length).toBeGreaterThan(3);
  }
});

test(`no answer to ${PROBE_COUNT} probes holds anything of somebody else's, and nothing of theirs changes`, async () => {
  const before = await stateOf(world);
  const leaks: string[] = [];
  const unread: string[] = [];
  const probed = new Set<string>();
  let seenOwn = 0;
  await inParallel(PROBE_COUNT, async (index) => {
    const { chain, viewer, document } = probeAt(index);
    const answer = await ask(viewer.token, document);
    probed.add(chain.path);
    const found = [...viewer.foreign.flatMap((each) => traces(each, answer)), ...tracesOfBrand(viewer, answer)];
    if (found.length > 0) leaks.push(`${viewer.name}: ${document} → ${[...new Set(found)].join(', ')}`);
    if (traces(viewer.own, answer).length > 0) seenOwn += 1;
    const codes = textsOf(answer).filter(({ name, text }) => name === 'code' && refusedUnread.has(text));
    if (codes.length > 0) unread.push(`${document} → ${JSON.stringify(answer).slice(0, 300)}`);
  });
  expect(leaks).toEqual([]);
  // A probe that is refused before it is read says nothing.
  expect(unread).toEqual([]);
  expect(probed.size).toBe(askable.length);
  expect(seenOwn).toBeGreaterThan(PROBE_COUNT / 20);
  expect(await stateOf(world)).toEqual(before);
}, 900_000);

test("no subscription tells of somebody else's, whatever it is asked for", async () => {
  const leaks: string[] = [];
  let events = 0;
  const clients = viewers.map((viewer) => openClient(app, viewer.token));
  const subscriptions = chains.filter(({ root }) => root.operation === OperationTypeNode.SUBSCRIPTION);
  for (const [position, viewer] of viewers.entries()) {
    const listen = (document: string): void => {
      const told = (answer: unknown): void => {
        events += 1;
        const found = viewer.foreign.flatMap((each) => traces(each, answer));
        if (found.length > 0) leaks.push(`${viewer.name}: ${document} → ${found.join(', ')}`);
      };
      clients[position]?.subscribe({ query: document }, { next: told, error: told, complete: () => undefined });
    };
    // A socket carries twenty operations.
    const documents = subscriptions.flatMap((chain, index) =>
      argumentsOf(chain)
        .filter((name) => name !== 'first')
        .map((aim, place) => {
          const foreign = viewer.foreign[(index + place) % viewer.foreign.length] ?? viewer.own;
          const whose = (name: string, required: boolean) => (name === aim || required ? foreign : undefined);
          return writeProbe(
            schema,
            chain,
            fillWith(whose, idFor(chain), seeded(position * 10_000 + index * 100 + place)),
          );
        }),
    );
    const step = Math.max(1, Math.ceil(documents.length / 18));
    for (let index = position % step; index < documents.length; index += step) listen(documents[index] ?? '');
    const all = subscriptions.find(({ root, steps }) => root.field.name === 'transactionPosted' && steps.length === 1);
    if (all !== undefined) listen(writeProbe(schema, all, () => undefined));
  }
  // Something happens to everybody, until everybody's own has arrived.
  const ownEvents = viewers.length;
  let round = 0;
  await expect
    .poll(
      async () => {
        round += 1;
        for (const { mark, integration } of world) {
          const body = {
            transaction_id: `${mark}-live-${round}`,
            action: 'bet',
            user_id: mark,
            currency: 'EUR',
            amount: '0.01',
          };
          await app.callback('/transaction', body, { integration });
        }
        return events;
      },
      { timeout: 10_000, interval: 250 },
    )
    .toBeGreaterThan(ownEvents * 3);
  expect(leaks).toEqual([]);
  for (const client of clients) await client.dispose();
});
