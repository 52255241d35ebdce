import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

/** What the sockets' bench measures itself by: a bare `ws` server that sends the same bytes to everybody, when it is told to. */

const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
const http = createServer((_request, response) => response.end('ok'));
http.on('upgrade', (request, stream, head) => {
  sockets.handleUpgrade(request, stream, head, (socket) => socket.on('error', () => undefined));
});
http.listen(0, '127.0.0.1', () => {
  const address = http.address();
  process.send?.({ port: typeof address === 'object' ? address?.port : undefined });
});

process.on('message', ({ text, times }: { text: string; times: number }) => {
  for (let time = 0; time < times; time += 1) for (const socket of sockets.clients) socket.send(text);
});
