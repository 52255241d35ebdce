import packedChromium from '@sparticuz/chromium';
import { type Browser, type BrowserContext, chromium } from 'playwright-core';

/** A real browser without an installation: it comes in a package for Linux on x64. Elsewhere the installed Chrome is used. */
export async function openBrowser(): Promise<Browser> {
  if (process.platform === 'linux' && process.arch === 'x64') {
    const executablePath = await packedChromium.executablePath();
    // Not the package's own arguments: they switch off what keeps pages apart, and all pages share one process.
    return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
  }
  return chromium.launch({ channel: 'chrome' });
}

interface WatchedContext extends AsyncDisposable {
  readonly context: BrowserContext;
  /** Everything its pages asked for, WebSockets included. */
  readonly urls: readonly string[];
  /** Errors and warnings of its pages. */
  readonly complaints: readonly string[];
}

/** Pages that share nothing with those of other contexts, and keep a list of what they ask for. */
export async function openContext(browser: Browser): Promise<WatchedContext> {
  const context = await browser.newContext({ viewport: { width: 1_280, height: 900 } });
  const urls: string[] = [];
  const complaints: string[] = [];
  context.on('request', (request) => urls.push(request.url()));
  context.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  context.on('weberror', (error) => complaints.push(String(error.error())));
  context.on('page', (page) => page.on('websocket', (socket) => urls.push(socket.url())));
  return { context, urls, complaints, [Symbol.asyncDispose]: () => context.close() };
}

/** Those that are not answered on this machine. */
export function leavingLoopback(urls: readonly string[]): string[] {
  return urls.filter((url) => {
    const { protocol, hostname } = new URL(url);
    return !['data:', 'blob:', 'about:'].includes(protocol) && hostname !== '127.0.0.1';
  });
}
