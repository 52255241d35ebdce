import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type LaunchRequest, ProviderError } from '../../src/adapters/contract.js';
import { createLaunch, type LaunchOutcome } from '../../src/launch/launch.js';
import { hashLaunchToken, newLaunchToken, redeemLaunchToken } from '../../src/launch/tokens.js';
import { LANE_COUNT } from '../../src/ledger/lanes.js';
import { createTestDatabase, createTestPlayer, type TestDatabase, type TestPlayer } from '../support/database.js';

let db: TestDatabase;
let alice: TestPlayer;
/** What the provider was launched with, and whether it takes part. */
let asked: LaunchRequest[];
let whileAsked: (request: LaunchRequest) => Promise<void> | void;

beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.close());
beforeEach(async () => {
  alice = await createTestPlayer(db);
  asked = [];
  whileAsked = () => undefined;
});

const client = {
  async launch(request: LaunchRequest) {
    asked.push(request);
    await whileAsked(request);
    return { url: 'https://play.example/game' };
  },
};

function launch(game?: string): Promise<LaunchOutcome> {
  const provider = {
    client,
    brand: 'demo',
    currencies: new Set(['EUR']),
    displayDecimals: () => 2,
    returns: { origins: undefined, localPages: false },
  };
  const launches = createLaunch({
    orm: db.orm,
    providers: new Map([['igpx-demo', provider]]),
    failed: () => undefined,
  });
  const { lane, id, externalId } = alice;
  const player = { lane, id, externalId, brandId: 'demo', status: 'ACTIVE' as const };
  return launches.launchGame({ player, integration: 'igpx-demo', currency: 'EUR', game, language: undefined });
}

/** The token of a launch that has just been made. */
async function launched(game?: string): Promise<string> {
  expect(await launch(game)).toMatchObject({ type: 'launched' });
  const token = asked.at(-1)?.token;
  if (token === undefined) throw new Error('The provider was handed no token');
  return token;
}

const redeem = (token: string, at?: Date, integration = 'igpx-demo') =>
  redeemLaunchToken(db.orm, integration, token, at);
const after = (ms: number): Date => new Date(Date.now() + ms);
const minute = 60_000;
const day = 24 * 60 * minute;

describe('a launch token', () => {
  test('tells whose play it is, in which currency and game', async () => {
    expect(await redeem(await launched('mines'))).toEqual({ player: alice.externalId, currency: 'EUR', game: 'mines' });
    expect(await redeem(await launched())).toEqual({ player: alice.externalId, currency: 'EUR', game: undefined });
  });

  test('is new for each launch, begins with its lane, and cannot be guessed', async () => {
    const tokens = [await launched(), await launched(), newLaunchToken(LANE_COUNT - 1), newLaunchToken(0)];
    expect(new Set(tokens).size).toBe(4);
    for (const token of tokens) expect(token).toMatch(/^[0-9a-z]{2}[\w-]{43}$/);
    expect(tokens[0]?.slice(0, 2)).toBe(alice.lane.toString(36).padStart(2, '0'));
    expect(tokens[2]?.slice(0, 2)).toBe('1r');
  });

  test('is kept as its hash only: no table holds the token itself', async () => {
    const token = await launched();
    await redeem(token);
    const { rows } = await db.owner.query<{ row: string; token_hash: Buffer }>(
      'select s::text as row, token_hash from game_session s where lane = $1 and player_id = $2',
      [alice.lane, alice.id],
    );
    expect(rows).toHaveLength(1);
    expect(rows[0]?.token_hash).toEqual(hashLaunchToken(token));
    for (const form of [token, Buffer.from(token).toString('hex'), token.slice(2)]) {
      expect(rows[0]?.row).not.toContain(form);
    }
  });

  test('works again within the minute, as an answer may be lost, and is spent after it', async () => {
    const token = await launched();
    const first = after(0);
    const play = await redeem(token, first);
    expect(play).toBeDefined();
    const later = (ms: number): Date => new Date(first.getTime() + ms);
    expect(await redeem(token, later(1_000))).toEqual(play);
    expect(await redeem(token, later(minute))).toEqual(play);
    expect(await redeem(token, later(minute + 1))).toBeUndefined();
    expect(await redeem(token, later(day))).toBeUndefined();
  });

  test('the minute begins with its first use, and no repeat prolongs it', async () => {
    const token = await launched();
    const first = Date.now() + 5 * minute;
    expect(await redeem(token, new Date(first))).toBeDefined();
    expect(await redeem(token, new Date(first + 50_000))).toBeDefined();
    expect(await redeem(token, new Date(first + 70_000))).toBeUndefined();
  });

  test('that was not used for a day is too old', async () => {
    expect(await redeem(await launched(), after(day - minute))).toBeDefined();
    const token = await launched();
    expect(await redeem(token, after(day + minute))).toBeUndefined();
    // Asking too late has not spent it, and it stays too old.
    expect(await redeem(token, after(day + 2 * minute))).toBeUndefined();
  });

  test('used by several at once is redeemed by each, with one mark', async () => {
    const token = await launched();
    const plays = await Promise.all(Array.from({ length: 8 }, () => redeem(token)));
    expect(plays.map((each) => each?.player)).toEqual(plays.map(() => alice.externalId));
    expect(await redeem(token, after(minute + 5_000))).toBeUndefined();
  });

  test('is of one integration: another cannot redeem it, and does not spend it', async () => {
    const token = await launched();
    for (const other of ['igpx-second', 'igpx-other', '', 'none']) {
      expect(await redeem(token, undefined, other)).toBeUndefined();
    }
    expect(await redeem(token, after(2 * minute))).toBeDefined();
  });

  test('of a launch that failed is refused, whatever made it fail', async () => {
    whileAsked = () => {
      throw new ProviderError('TIMEOUT', 'Too late.');
    };
    expect(await launch()).toEqual({ type: 'provider-unavailable', retryable: true });
    whileAsked = () => {
      throw new TypeError('A fault of our own.');
    };
    await expect(launch()).rejects.toThrow(TypeError);
    expect(asked).toHaveLength(2);
    for (const { token } of asked) expect(await redeem(token)).toBeUndefined();
  });

  test('can be asked with before the launch call has been answered', async () => {
    const plays: unknown[] = [];
    whileAsked = async ({ token }) => {
      plays.push(await redeem(token));
    };
    await launched();
    expect(plays).toEqual([{ player: alice.externalId, currency: 'EUR', game: undefined }]);
  });

  test('redeemed by a provider that then failed to launch is refused from there on', async () => {
    whileAsked = async ({ token }) => {
      expect(await redeem(token)).toBeDefined();
      throw new ProviderError('REFUSED', 'No.');
    };
    await launch();
    expect(await redeem(asked[0]?.token ?? '')).toBeUndefined();
  });
});

describe('what is no token of ours is refused without a fault', () => {
  const random = newLaunchToken(0).slice(2);
  test.for([
    ['nothing', ''],
    ['one that was never given out', newLaunchToken(3)],
    ['a lane that does not exist', `1s${random}`],
    ['a lane far outside', `zz${random}`],
    ['no lane', random],
    ['a lane in upper case', `0A${random}`],
    ['a character less', `00${random.slice(1)}`],
    ['a character more', `00${random}a`],
    ['a line end behind it', `00${random}\n`],
    ['a NUL', `00${random.slice(1)}\0`],
    ['half a character', `00${random.slice(1)}\ud800`],
    ['SQL', "00' or true --"],
    ['a megabyte', '0'.repeat(1_000_000)],
  ] as const)('%s', async ([, token]) => {
    expect(await redeem(token)).toBeUndefined();
  });

  test('a live one in another lane, or with one character changed', async () => {
    const token = await launched();
    const lane = ((alice.lane + 1) % LANE_COUNT).toString(36).padStart(2, '0');
    expect(await redeem(lane + token.slice(2))).toBeUndefined();
    expect(await redeem(token.slice(0, -1) + (token.endsWith('A') ? 'B' : 'A'))).toBeUndefined();
    expect(await redeem(token)).toBeDefined();
  });
});
