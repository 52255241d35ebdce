import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { BetsFile } from './bets.js';

const CONNECTIONS = 32;
const TICK_MS = 2;
const ANSWER = Buffer.from('HTTP/1.1 200');

interface Line {
  readonly socket: Socket;
  /** When the bets that are not answered yet were sent. */
  readonly sentAt: number[];
  /** The end of the last chunk, in case an answer's first words are cut in two. */
  tail: Buffer;
}

/**
 * Sends signed bets at a steady rate over kept connections, and notes when each was answered. It does next to nothing else: on two
 * cores a client that did more would be what is measured.
 */
export class PacedBets {
  readonly #requests: readonly Buffer[];
  readonly #lines: readonly Line[];
  #answersMs: number[] = [];
  #at = 0;

  private constructor(requests: readonly Buffer[], lines: readonly Line[]) {
    this.#requests = requests;
    this.#lines = lines;
    for (const line of lines) line.socket.on('data', (chunk) => this.#heard(line, chunk));
  }

  static async open(url: string, bets: BetsFile): Promise<PacedBets> {
    const { hostname, port } = new URL(url);
    const lines = (await readFile(bets.file, 'utf8')).split('\n').slice(0, -1);
    const requests = lines.map((text) => {
      const parts = text.split(' ');
      const body = parts.slice(bets.headerNames.length).join(' ');
      const headers = bets.headerNames.map((name, index) => `${name}: ${parts[index]}\r\n`).join('');
      const length = Buffer.byteLength(body);
      return Buffer.from(
        `POST ${bets.path} HTTP/1.1\r\nHost: ${hostname}\r\n${headers}Content-Length: ${length}\r\n\r\n${body}`,
      );
    });
    const opened = Array.from({ length: CONNECTIONS }, () => {
      const socket = connect(Number(port), hostname).setNoDelay();
      return new Promise<Line>((resolve, reject) => {
        socket.once('connect', () => resolve({ socket, sentAt: [], tail: Buffer.alloc(0) })).once('error', reject);
      });
    });
    return new PacedBets(requests, await Promise.all(opened));
  }

  /** @returns milliseconds to each answer, once all have come */
  async send(perSecond: number, seconds: number): Promise<readonly number[]> {
    this.#answersMs = [];
    const startedAt = performance.now();
    let sent = 0;
    for (let elapsedMs = 0; elapsedMs < seconds * 1_000; elapsedMs = performance.now() - startedAt) {
      for (const due = Math.floor((elapsedMs / 1_000) * perSecond); sent < due; sent += 1) this.#sendOne();
      await delay(TICK_MS);
    }
    for (let waits = 0; this.#answersMs.length < sent; waits += 1) {
      if (waits > 5_000) throw new Error(`${sent - this.#answersMs.length} bets were not answered`);
      await delay(TICK_MS);
    }
    return this.#answersMs;
  }

  close(): void {
    for (const { socket } of this.#lines) socket.destroy();
  }

  #sendOne(): void {
    const request = this.#requests[this.#at];
    const line = this.#lines[this.#at % CONNECTIONS];
    if (request === undefined || line === undefined) throw new Error('The file holds too few bets');
    this.#at += 1;
    line.sentAt.push(performance.now());
    line.socket.write(request);
  }

  #heard(line: Line, chunk: Buffer): void {
    const heard = Buffer.concat([line.tail, chunk]);
    let from = 0;
    for (let found = heard.indexOf(ANSWER); found !== -1; found = heard.indexOf(ANSWER, from)) {
      from = found + ANSWER.length;
      const sentAt = line.sentAt.shift();
      if (sentAt !== undefined) this.#answersMs.push(performance.now() - sentAt);
    }
    line.tail = heard.subarray(Math.max(from, heard.length - ANSWER.length + 1));
  }
}
