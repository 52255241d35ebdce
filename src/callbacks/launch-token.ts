/** What is written in the place of a one-time token. */
const HIDDEN = '***';

/**
 * The bytes without a token that is in them. Where it may be in them in other characters too (JSON can escape any letter),
 * nothing of them is kept.
 */
export function hideInBody(body: Buffer, token: string | undefined): Buffer {
  if (token === undefined || token === '') return body;
  const bytes = body.toString('latin1');
  const found = Buffer.from(token).toString('latin1');
  if (!bytes.includes(found) || bytes.includes('\\')) return Buffer.from(HIDDEN);
  return Buffer.from(bytes.replaceAll(found, HIDDEN), 'latin1');
}

/** A path or an answer without the token, as it is or as URLs write it. */
export function hideInText(text: string, token: string | undefined): string {
  if (token === undefined || token === '') return text;
  return text.replaceAll(token, HIDDEN).replaceAll(encodeURIComponent(token), HIDDEN);
}
