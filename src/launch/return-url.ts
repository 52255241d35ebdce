/** Where a game may send its player back to. The address comes from whoever launches, which may be the player. */
export interface ReturnRules {
  /** Every origin when undefined. */
  readonly origins: ReadonlySet<string> | undefined;
  /** Whether a page on this machine may be returned to without TLS; never in production. */
  readonly localPages: boolean;
}

const SIZE_MAX = 2_048;
/** Characters that readers of addresses disagree about are refused rather than read. */
const PLAIN = /^[^\s\p{C}\\]+$/u;
const LOCAL_HOSTS: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** @returns the address as it was understood, or why it is refused */
export function checkReturnUrl(
  text: string | undefined,
  { origins, localPages }: ReturnRules,
): { readonly url: string | undefined } | { readonly why: string } {
  if (text === undefined) return { url: undefined };
  const url = text.length <= SIZE_MAX && PLAIN.test(text) ? URL.parse(text) : null;
  if (url === null) return { why: `must be a web address of at most ${SIZE_MAX} characters` };
  if (url.username !== '' || url.password !== '') return { why: 'must not hold credentials' };
  const local = localPages && url.protocol === 'http:' && LOCAL_HOSTS.has(url.hostname);
  if (url.protocol !== 'https:' && !local) return { why: 'must begin with https://' };
  if (origins?.has(url.origin) === false) return { why: `must not lead to ${url.origin}: the origin is not listed` };
  return { url: url.href };
}
