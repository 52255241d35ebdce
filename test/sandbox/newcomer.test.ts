import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { type Client, createClient } from 'graphql-ws';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { providers } from '../../src/adapters/registry.js';
import { leavingLoopback, openBrowser, openContext } from '../support/browser.js';
import { freePorts, type Ports } from './ports.js';
import { watchBalance } from './watch-balance.js';

/** What somebody sees who types `npm start` for the first time: the printed page, a game, the explorer, and the end. */

const root = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);
const started: ChildProcess[] = [];
let directory: string;
let ports: Ports;

interface Gateway {
  readonly child: ChildProcess;
  readonly url: string;
  readonly readyMs: number;
  readonly printed: string;
}

/** Only what a terminal has; nothing that configures Croupier. */
function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], HOME: process.env['HOME'], ...ports };
}

/** What `npm start` runs after the build. */
function spawnGateway(env = environment()): ChildProcess {
  const child = spawn(process.execPath, [join(root, 'dist/server.js')], { cwd: directory, env, stdio: 'pipe' });
  started.push(child);
  return child;
}

/** Resolves when the directions are printed to their end. */
async function startGateway(): Promise<Gateway> {
  const startedAt = performance.now();
  const child = spawnGateway();
  const ended = once(child, 'exit').then(() => true);
  let printed = '';
  let complaints = '';
  child.stderr?.on('data', (chunk) => (complaints += String(chunk)));
  const complete = new Promise<boolean>((done) => {
    child.stdout?.on('data', (chunk) => {
      printed += String(chunk);
      if (printed.includes('Ctrl-C')) done(false);
    });
  });
  if (await Promise.race([complete, ended])) throw new Error(`The gateway ended.\n${printed}${complaints}`);
  return { child, url: `http://127.0.0.1:${ports.PORT}`, readyMs: performance.now() - startedAt, printed };
}

/** @returns exit code and milliseconds */
async function terminate(child: ChildProcess): Promise<{ code: unknown; ms: number }> {
  const startedAt = performance.now();
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  const [code] = await exit;
  return { code, ms: performance.now() - startedAt };
}

/** Ends whatever is left, the database included, whichever test failed. */
async function cleanUp(): Promise<void> {
  const running = started.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  await Promise.all(
    running.map(async (child) => {
      const cutOff = setTimeout(() => child.kill('SIGKILL'), 12_000);
      await terminate(child);
      clearTimeout(cutOff);
    }),
  );
  const pidFile = join(directory, '.croupier/postgres/data/postmaster.pid');
  if (existsSync(pidFile)) process.kill(Number(readFileSync(pidFile, 'utf8').split('\n', 1)[0]), 'SIGQUIT');
  await rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
}

const Answer = z.strictObject({ data: z.unknown() });

/** The data of an answer without errors. */
async function ask<Data>(url: string, token: string, query: string, shape: z.ZodType<Data>): Promise<Data> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  return shape.parse(Answer.parse(await response.json()).data);
}

const Me = z.object({
  me: z.object({
    externalId: z.string(),
    wallets: z.array(z.object({ id: z.string(), currency: z.string(), balance: z.object({ amount: z.string() }) })),
  }),
});

async function walletOf({ url, printed }: Gateway): Promise<{ id: string; amount: string }> {
  const { me } = await ask(
    url,
    tokens(printed).player,
    '{ me { externalId wallets { id currency balance { amount } } } }',
    Me,
  );
  const wallet = me.wallets.find(({ currency }) => currency === 'EUR');
  return { id: wallet?.id ?? '', amount: wallet?.balance.amount ?? '' };
}

const cents = (amount: string): number => Math.round(Number(amount) * 100);

function tokens(printed: string): { player: string; operator: string } {
  const [player = '', operator = ''] = printed.match(/\beyJ\S+/g) ?? [];
  return { player, operator };
}

/** The printed lines, as somebody selects them. */
function betCommand(printed: string): string {
  return /^ +BODY=[^]*?; echo$/m.exec(printed)?.[0] ?? '';
}

async function paste(command: string): Promise<string[]> {
  const shell = spawn('bash', [], { cwd: directory, env: environment(), stdio: ['pipe', 'pipe', 'inherit'] });
  shell.stdin.end(`${command}\n`);
  return (await text(shell.stdout)).trim().split('\n');
}

const Refused = z.object({
  callbacks: z.object({ edges: z.array(z.object({ node: z.record(z.string(), z.unknown()) })) }),
});

describe('a newcomer', { timeout: 40_000 }, () => {
  let gateway: Gateway;
  let browser: Browser;
  let client: Client;
  let watch: ReturnType<typeof watchBalance>;

  beforeAll(async () => {
    await run('npm', ['run', '-s', 'build'], { cwd: root });
    directory = await mkdtemp(join(tmpdir(), 'croupier-newcomer-'));
    ports = await freePorts(providers.size);
    gateway = await startGateway();
    browser = await openBrowser();
    const authorization = `Bearer ${tokens(gateway.printed).player}`;
    client = createClient({
      url: `${gateway.url.replace('http', 'ws')}/graphql`,
      connectionParams: { authorization },
      retryAttempts: 0,
    });
    watch = watchBalance(client, (await walletOf(gateway)).id);
  }, 90_000);

  afterAll(async () => {
    await client?.dispose();
    await browser?.close();
    await cleanUp();
  }, 30_000);

  test('is told within 15 s where everything is, and nothing else', () => {
    console.log(`The first start took ${Math.round(gateway.readyMs)} ms.`);
    expect(gateway.readyMs).toBeLessThan(15_000);
    expect(gateway.printed).toContain(`${gateway.url}/explorer`);
    expect(gateway.printed.trimStart()).toMatch(/^Croupier is ready/);
    expect(gateway.printed).not.toContain('"level"');
    // What they have by now is another matter at the second start.
    expect(gateway.printed).toContain('who each began with EUR 1000.00');
    for (const [index, id] of [...providers.keys()].sort().entries()) {
      expect(gateway.printed).toMatch(
        new RegExp(`${id}-demo +http://127.0.0.1:${Number(ports.SIMULATOR_PORT) + index} `),
      );
    }
  });

  test('has tokens that work', async () => {
    const { player, operator } = tokens(gateway.printed);
    const { me } = await ask(
      gateway.url,
      player,
      '{ me { externalId wallets { id currency balance { amount } } } }',
      Me,
    );
    expect(me.externalId).toBe('alice');
    expect(me.wallets.map(({ currency, balance }) => `${currency} ${balance.amount}`).sort()).toEqual([
      'BTC 0.50',
      'EUR 1000.00',
      'USD 1000.00',
    ]);
    const others = await ask(
      gateway.url,
      operator,
      '{ player(externalId: "bob") { externalId } }',
      z.object({ player: z.object({ externalId: z.string() }) }),
    );
    expect(others.player.externalId).toBe('bob');
  });

  test('moves money once with the printed command, however often its last line is pasted', async () => {
    const before = await walletOf(gateway);
    const command = betCommand(gateway.printed);
    const send = command.split('\n').at(-1) ?? '';
    const answers = await paste([command, send, 'BODY="$BODY "', send].join('\n'));
    expect(answers[0]).toMatch(/^\{"error":null,"transaction_id":"tx_\w+"\}$/);
    expect(answers[1]).toBe(answers[0]);
    expect(answers[2]).toBe('{"error":"INTERNAL_ERROR"}');
    expect(cents((await walletOf(gateway)).amount)).toBe(cents(before.amount) - 500);
    expect(gateway.printed).toContain(`HTTP 200 ${answers[2]}`);
  });

  test('finds with the printed query why the changed bet was refused', async () => {
    const query = /^ +(\{ callbacks\(.*\})$/m.exec(gateway.printed)?.[1] ?? '';
    const verdicts = async (): Promise<unknown> =>
      (await ask(gateway.url, tokens(gateway.printed).operator, query, Refused)).callbacks.edges;
    // The journal of what never reached the ledger is written beside the answer.
    await expect
      .poll(verdicts, { timeout: 10_000 })
      .toEqual([{ node: { verdict: 'UNAUTHENTICATED', httpStatus: 200, answer: '{"error":"INTERNAL_ERROR"}' } }]);
  });

  test('who names no game is told to, wherever there are games to choose from', async () => {
    for (const [id, { side }] of providers) {
      if (side.games.length === 0) continue;
      const { launchGame } = await ask(
        gateway.url,
        tokens(gateway.printed).player,
        `mutation { launchGame(input: { integration: "${id}-demo", currency: "${side.currencies?.[0] ?? 'EUR'}" }) {
          __typename ... on Refusal { message } } }`,
        z.object({ launchGame: z.object({ __typename: z.string(), message: z.string().optional() }) }),
      );
      expect(launchGame.message, `${id}: ${launchGame.__typename}`).toContain('has to name one as "game"');
    }
  });

  test('plays the launched game: the balance follows the match, the void gives the stake back', async () => {
    const before = cents((await walletOf(gateway)).amount);
    const { launchGame } = await ask(
      gateway.url,
      tokens(gateway.printed).player,
      'mutation { launchGame(input: { integration: "igpx-demo", currency: "EUR" }) { ... on LaunchSession { url } } }',
      z.object({ launchGame: z.object({ url: z.string() }) }),
    );
    await using opened = await openContext(browser);
    const page = await opened.context.newPage();
    await page.goto(launchGame.url);
    await page.getByRole('button', { name: 'Harbour Rovers – Mill Town, home' }).click();
    await page.getByRole('button', { name: 'Place bet' }).click();
    await page.locator('.badge.running').waitFor();
    expect(cents((await walletOf(gateway)).amount)).toBe(before - 500);

    const settled = await page.locator('.badge.won, .badge.lost').textContent({ timeout: 20_000 });
    expect(['won 9.25', 'lost']).toContain(settled);
    expect(cents((await walletOf(gateway)).amount)).toBe(before - 500 + (settled === 'lost' ? 0 : 925));

    await page.getByRole('button', { name: 'Void' }).click();
    await page.locator('.badge.void').waitFor();
    expect(cents((await walletOf(gateway)).amount)).toBe(before);

    await page.getByLabel('Stake').fill('5000');
    await page.getByRole('button', { name: 'Place bet' }).click();
    await page.getByText('The operator declined: refused, not enough funds.').waitFor();
    expect(cents((await walletOf(gateway)).amount)).toBe(before);
    expect(opened.complaints).toEqual([]);
    expect(leavingLoopback(opened.urls)).toEqual([]);
  });

  test('queries and subscribes in the explorer, which asks for nothing outside this machine', async () => {
    await using opened = await openContext(browser);
    const page = await opened.context.newPage();
    const schema = page.waitForResponse((response) => response.url().endsWith('/graphql'));
    await page.goto(`${gateway.url}/explorer`);
    await schema;
    const answer = page.locator('.graphiql-response');
    const operate = async (name: string): Promise<void> => {
      // Without a menu the explorer has not read the operations yet, or is still at the one before.
      await page.locator('.graphiql-execute-button[aria-haspopup=menu]').click();
      await page.getByRole('menuitem', { name, exact: true }).click();
    };
    await operate('Me');
    await answer.getByText('"alice"').waitFor();
    await operate('History');
    await answer.getByText('balanceAfter').first().waitFor();
    await operate('Watch');
    await answer.getByText('"sequence"').waitFor();
    const balance = cents((await walletOf(gateway)).amount);
    await paste(betCommand(gateway.printed));
    await answer.getByText(`"${((balance - 500) / 100).toFixed(2)}"`).waitFor();
    await answer.getByText('"BET"').waitFor();

    expect(opened.urls.some((url) => url.startsWith('ws:'))).toBe(true);
    expect(leavingLoopback(opened.urls)).toEqual([]);
    expect(opened.complaints).toEqual([]);
  });

  test('is led from the bare address to the explorer, whose lines fit beside the answer', async () => {
    const response = await fetch(gateway.url);
    expect([response.status, response.url]).toEqual([200, `${gateway.url}/explorer`]);
    const [, query = '""'] = /"defaultQuery":("(?:[^"\\]|\\.)*")/.exec(await response.text()) ?? [];
    const lines = z.string().parse(JSON.parse(query)).split('\n');
    expect(lines).toContain('mutation Launch {');
    // What a window of 1280 px shows.
    expect(lines.filter((line) => line.length > 55)).toEqual([]);
  });

  test('shares no token with whoever asks for the explorer under another name', async () => {
    const read = async (host: string): Promise<string> => {
      const [response] = await once(request(`${gateway.url}/explorer`, { headers: { host } }).end(), 'response');
      return text(response);
    };
    expect(await read(`localhost:${ports.PORT}`)).toContain('Bearer eyJ');
    expect(await read(`elsewhere.example:${ports.PORT}`)).not.toContain('eyJ');
  });

  test('has seen every change of the balance live, in order', async () => {
    const Page = z.object({
      transactions: z.object({ edges: z.tuple([z.object({ node: z.object({ sequence: z.string() }) })]) }),
    });
    const { id, amount } = await walletOf(gateway);
    const query = `{ transactions(filter: { walletId: "${id}" }, first: 1) { edges { node { sequence } } } }`;
    const { transactions } = await ask(gateway.url, tokens(gateway.printed).player, query, Page);
    const last = Number(transactions.edges[0].node.sequence);
    await watch.until(last);
    expect(watch.seen.map(({ sequence }) => Number(sequence))).toEqual(
      Array.from({ length: last }, (_, index) => index + 1),
    );
    expect(watch.seen[0]?.transaction).toBeNull();
    expect(watch.seen.at(-1)?.balance.amount).toBe(amount);
  });

  test('finds the books in order while the gateway runs', async () => {
    const { stdout } = await run(process.execPath, [join(root, 'dist/cli/audit.js')], {
      cwd: directory,
      env: environment(),
    });
    expect(stdout).toContain('The books are in order.');
  });

  test.each(['PORT', 'SIMULATOR_PORT'] as const)(
    'who starts again on a taken %s is told which one it is',
    async (taken) => {
      const startedAt = performance.now();
      const child = spawnGateway({ ...environment(), ...(await freePorts(providers.size)), [taken]: ports[taken] });
      const exit = once(child, 'exit');
      const complaint = child.stderr ? await text(child.stderr) : '';
      expect(await exit).toEqual([1, null]);
      expect(complaint).toMatch(
        new RegExp(`^Croupier does not start: port ${ports[taken]} .*set ${taken} to another\\.`),
      );
      expect(performance.now() - startedAt).toBeLessThan(5_000);
      // The one that runs still has its database.
      expect((await walletOf(gateway)).id).not.toBe('');
    },
  );

  test('finds everything again after stopping and starting', async () => {
    const { amount } = await walletOf(gateway);
    await client.dispose();
    const { code, ms } = await terminate(gateway.child);
    expect(code).toBe(0);
    expect(ms).toBeLessThan(10_000);
    expect(existsSync(join(directory, '.croupier/postgres/data/postmaster.pid'))).toBe(false);

    const again = await startGateway();
    console.log(`Stopping took ${Math.round(ms)} ms, the second start ${Math.round(again.readyMs)} ms.`);
    expect(again.readyMs).toBeLessThan(15_000);
    // A token of the first start still counts.
    expect((await walletOf({ ...again, printed: gateway.printed })).amount).toBe(amount);
  });
});
