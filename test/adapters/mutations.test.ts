import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CallbackCommand, closeConnection } from '../../src/adapters/contract.js';
import type { ProviderMessage } from '../../src/adapters/provider-side.js';
import { type Random, seeded } from '../support/random.js';
import { exchange, heard, said, understand } from './contract/line.js';
import { messagesOf } from './contract/messages.js';
import { isStated, mutate } from './contract/mutations.js';
import { currencyOf } from './contract/orders.js';
import { type Channel, type Dialect, dialects, openChannel } from './contract/providers.js';
import { credentialsOf } from './contract/tampering.js';
import { createPeople, inTurns, namesFor, openStage, rowsByKind, type Stage } from './contract/world.js';

/**
 * Requests with something wrong in them, by the thousand: bytes flipped, cut, doubled and swapped, values exchanged for hostile
 * ones, headers mangled, signed before and after. `MUTATIONS=100000` is the long form, `SEED=…` another sample.
 */
const count = Number(process.env['MUTATIONS'] ?? 3_000);
const seed = Number(process.env['SEED'] ?? 1);

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

interface Mill {
  readonly channel: Channel;
  readonly coversBody: boolean;
  readonly players: readonly string[];
  readonly currency: string;
}

async function openMill(dialect: Dialect): Promise<Mill> {
  const channel = openChannel(dialect);
  const currency = currencyOf(dialect);
  const people = await createPeople(stage, 20, { currency, balance: '1000000' });
  const players = people.map(namesFor(channel, currency));
  return { channel, currency, players, coversBody: credentialsOf(channel.voice.signer).coversBody };
}

interface Tally {
  applied: number;
  rollbacks: number;
  refused: number;
  readonly wrong: string[];
}

test(
  'nothing is accepted that is not valid, nothing crashes, and the ledger has no row too many',
  { timeout: 3_600_000 },
  async () => {
    const mills: Mill[] = [];
    for (const dialect of dialects) mills.push(await openMill(dialect));
    const tally: Tally = { applied: 0, rollbacks: 0, refused: 0, wrong: [] };
    const numbers = Array.from({ length: count }, (_, index) => index + 1);
    await inTurns(numbers, 100, async (number) => {
      const mill = mills[number % mills.length];
      if (mill !== undefined) await tryOne(mill, number, seeded(seed * 1_000_003 + number), tally);
    });
    expect([...stage.faults.slice(0, 3), ...tally.wrong.slice(0, 10)]).toEqual([]);
    const rows = await rowsByKind(stage);
    const tombstones = rows.get('tombstone') ?? 0;
    expect([...rows.values()].reduce((sum, each) => sum + each, 0) - tombstones).toBe(tally.applied);
    expect(tombstones).toBeLessThanOrEqual(tally.rollbacks);
    process.stdout.write(
      `\n${count} mutated requests (seed ${seed}): ${tally.refused} refused, ${tally.applied} still valid and applied\n`,
    );
  },
);

async function tryOne(mill: Mill, number: number, random: Random, tally: Tally): Promise<void> {
  const { channel, currency, players } = mill;
  const player = random.pick([players[0] ?? '', ...players]);
  const [first, ...others] = messagesOf(channel, { player, currency, number });
  if (first === undefined) throw new Error('The voice says nothing.');
  const message = random.pick([first, ...others]);
  const bare = channel.voice.say(message);
  const { what, request, signed } = mutate(channel, bare, random);
  const about = `${channel.id}, ${message.kind} ${number}, ${what}: ${request.body.toString('latin1').slice(0, 600)}`;
  try {
    const { reply, asked } = await exchange(channel, stage.ledger, request);
    if (asked?.command.kind === 'rollback') tally.rollbacks += 1;
    const verdict = reply === closeConnection ? reply : heard(channel, message, reply);
    if (reply !== closeConnection && reply.status >= 500) tally.wrong.push(`a server error: ${about}`);
    if (typeof verdict !== 'string' && verdict.type === 'failed') tally.wrong.push(`told as a failure: ${about}`);
    if (asked?.outcome.type !== 'applied') {
      tally.refused += 1;
      return;
    }
    tally.applied += 1;
    const original = understand(channel, said(channel, message))?.command;
    const isSame = typeof original === 'object' && factsOf(original) === factsOf(asked.command);
    // Nobody but the provider can change what a request says, and the provider can say only what stands in it.
    const isAllowed = isSame || ((signed || !mill.coversBody) && isStated(asked.command, request.body));
    if (!isAllowed) tally.wrong.push(`accepted: ${about}`);
  } catch (error) {
    tally.wrong.push(`crashed with ${String(error)}: ${about}`);
  }
}

function factsOf(command: Exclude<CallbackCommand, string>): string {
  const { displayAt: _, ...facts }: { displayAt?: unknown } & Exclude<CallbackCommand, string> = command;
  return JSON.stringify(facts, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
}

test('the same seed makes the same requests', () => {
  const made = (): string[] => {
    const random = seeded(seed);
    return dialects.flatMap((dialect) => {
      const channel = openChannel(dialect);
      const spoken: ProviderMessage[] = messagesOf(channel, { player: 'p', currency: 'EUR', number: 1 });
      const fixed = {
        method: 'POST',
        path: '/',
        query: '',
        headers: {},
        body: Buffer.from('{"a":"b","c":[1,{"d":2.50}]}'),
      };
      return spoken.map(() => JSON.stringify(mutate(channel, fixed, random)));
    });
  };
  expect(made()).toEqual(made());
});
