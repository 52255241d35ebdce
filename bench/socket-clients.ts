import WebSocket from 'ws';

/**
 * Clients of the sockets' bench, thousands in one process: bare `ws`, which does no more than count. Told what to do by its
 * parent, a message at a time.
 */

export interface Plan {
  readonly url: string;
  /** One for each socket; the same text may come again. */
  readonly tokens: readonly string[];
  /** What they subscribe to; undefined for a server that speaks nothing but bytes. */
  readonly query: string | undefined;
  /** Of each socket. */
  readonly variables: readonly Readonly<Record<string, unknown>>[];
  /** Whether messages name their transaction, and their arrival is noted. */
  readonly timed: boolean;
}
export type Order = { readonly do: 'open'; readonly plan: Plan } | { readonly do: 'count' } | { readonly do: 'close' };
export type Report =
  | { readonly is: 'ready'; readonly ms: number; readonly retries: number }
  | {
      readonly is: 'count';
      readonly messages: number;
      /** Ids of the transactions that were told, and when each arrived, in milliseconds of the clock. */
      readonly told: readonly (readonly [id: string, at: number])[];
      readonly closed: readonly number[];
      readonly sample: string | undefined;
    }
  | { readonly is: 'closed' };

const RETRY_MS = 200;
let sockets: WebSocket[] = [];
let closing = false;
let messages = 0;
let told: [id: string, at: number][] = [];
let closed: number[] = [];
let sample: string | undefined;

const report = (what: Report): void => {
  process.send?.(what);
};

function open(plan: Plan): void {
  closing = false;
  sockets = [];
  closed = [];
  messages = 0;
  const startedAt = performance.now();
  let ready = 0;
  let retries = 0;
  const isReady = (): void => {
    ready += 1;
    if (ready === plan.tokens.length) report({ is: 'ready', ms: performance.now() - startedAt, retries });
  };
  plan.tokens.forEach((token, index) => {
    const connect = (): void => {
      sockets[index] = connectOne(plan, { token, variables: plan.variables[index] }, isReady, () => {
        retries += 1;
        setTimeout(connect, RETRY_MS);
      });
    };
    connect();
  });
}

function connectOne(
  { url, timed, query }: Plan,
  { token, variables }: { token: string; variables: Readonly<Record<string, unknown>> | undefined },
  isReady: () => void,
  retry: () => void,
): WebSocket {
  const socket = new WebSocket(url, 'graphql-transport-ws', { perMessageDeflate: false });
  let state: 'opening' | 'ready' = 'opening';
  const readied = (): void => {
    if (state === 'opening') isReady();
    state = 'ready';
  };
  socket.on('error', () => undefined);
  socket.on('open', () => {
    if (query === undefined) return readied();
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } }));
  });
  socket.on('message', (data: Buffer) => {
    if (state === 'ready') {
      // The answer to the question that told the subscription had begun is no event.
      if (query !== undefined && !data.includes('"id":"1"')) return;
      messages += 1;
      if (timed) read(data);
      else sample ??= data.toString();
      return;
    }
    const text = data.toString();
    if (text.includes('connection_ack')) {
      socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query, variables } }));
      // A stream has no snapshot; the server has begun it before it answers what is asked afterwards.
      if (query?.includes('transactionPosted') === true) {
        socket.send(JSON.stringify({ id: '2', type: 'subscribe', payload: { query: '{ integrations { id } }' } }));
      }
    } else if (text.includes('"next"') && (query?.includes('balanceChanged') === true || text.includes('"id":"2"'))) {
      readied();
    }
  });
  socket.on('close', (code) => {
    if (closing) return;
    if (state === 'opening') retry();
    else closed.push(code);
  });
  return socket;
}

/** Which transaction arrived when. */
function read(data: Buffer): void {
  const at = Date.now();
  const id = /"transaction":\{"id":"([^"]+)"/.exec(data.toString())?.[1];
  if (id !== undefined) told.push([id, at]);
}

process.on('message', (order: Order) => {
  if (order.do === 'open') open(order.plan);
  else if (order.do === 'count') {
    report({ is: 'count', messages, told, closed, sample });
    told = [];
  } else {
    closing = true;
    let left = sockets.length;
    for (const socket of sockets) {
      socket.once('close', () => {
        left -= 1;
        if (left === 0) report({ is: 'closed' });
      });
      socket.terminate();
    }
  }
});
