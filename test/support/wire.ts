import { connect, createServer, type Socket } from 'node:net';

export type CutMoment = 'before-commit' | 'after-commit';

export interface CutOptions {
  /** Only on a connection that has carried this text to the database since. A gateway commits other things beside units. */
  readonly carrying?: string;
  /** Cuts every connection then, and lets nobody through until `up`. */
  readonly staysDown?: boolean;
}

/**
 * A wire between a gateway and its database that can be cut at the moments that matter: just before COMMIT gets through,
 * or just after the database has committed and before the gateway hears of it.
 */
export interface Wire {
  readonly url: string;
  /** Cuts once, the next time that a COMMIT comes by. */
  cutAt(moment: CutMoment, options?: CutOptions): void;
  /**
   * From the next COMMIT on the database's answers are kept until `release`; what is asked of it goes through.
   * @returns what was asked after that COMMIT so far.
   */
  holdAnswers(): () => string;
  /** Whether answers are being kept. */
  readonly holds: boolean;
  release(): void;
  /** Cuts every connection and refuses new ones, until `up`. */
  down(): Promise<void>;
  up(): Promise<void>;
  readonly cuts: number;
  close(): Promise<void>;
}

const commitOf = {
  // A Query or Parse message with the text "commit"; nothing else a ledger sends holds it with its NUL.
  'before-commit': 'commit\0',
  'after-commit': 'COMMIT\0',
};

export async function createWire(databaseUrl: string): Promise<Wire> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let planned: { readonly moment: CutMoment; readonly options: CutOptions; readonly carriers: Set<Socket> } | undefined;
  let cuts = 0;
  let hold: { held: boolean; asked: string; readonly answers: (() => void)[] } | undefined;

  const falls = (near: Socket, moment: CutMoment, bytes: Buffer): boolean => {
    if (planned?.moment !== moment || !bytes.includes(commitOf[moment])) return false;
    return planned.options.carrying === undefined || planned.carriers.has(near);
  };

  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    const cut = (): void => {
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      sockets.add(socket);
      socket.on('error', cut);
      socket.on('close', () => {
        sockets.delete(socket);
        cut();
      });
    }
    const fall = (): void => {
      const goesDown = planned?.options.staysDown === true;
      planned = undefined;
      cuts += 1;
      if (goesDown) void stop();
      else cut();
    };
    near.on('data', (bytes) => {
      if (planned?.options.carrying !== undefined && bytes.includes(planned.options.carrying))
        planned.carriers.add(near);
      if (hold?.held === true) hold.asked += bytes.toString('latin1');
      if (hold !== undefined && bytes.includes(commitOf['before-commit'])) hold.held = true;
      if (falls(near, 'before-commit', bytes)) fall();
      else far.write(bytes);
    });
    far.on('data', (bytes) => {
      if (falls(near, 'after-commit', bytes)) fall();
      else if (hold?.held === true) hold.answers.push(() => near.write(bytes));
      else near.write(bytes);
    });
  });

  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject);
        resolve();
      });
    });
  const stop = async (): Promise<void> => {
    const stopped = new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    for (const socket of sockets) socket.destroy();
    await stopped;
  };

  await listen(0);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The wire has no port');
  const { port } = address;
  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String(port);
  return {
    url: url.href,
    cutAt: (moment, options = {}) => {
      planned = { moment, options, carriers: new Set() };
    },
    holdAnswers: () => {
      const holding = { held: false, asked: '', answers: [] };
      hold = holding;
      return () => holding.asked;
    },
    get holds() {
      return hold?.held === true;
    },
    release: () => {
      const answers = hold?.answers ?? [];
      hold = undefined;
      for (const answer of answers) answer();
    },
    down: stop,
    up: () => listen(port),
    get cuts() {
      return cuts;
    },
    close: async () => {
      if (server.listening) await stop();
    },
  };
}
