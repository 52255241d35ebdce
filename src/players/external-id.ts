const BYTES_MAX = 255;
const ORDINARY = /^[\x21-\x7e]{1,255}$/;
const CONTROL_CHARACTER = /\p{Cc}/u;

/**
 * Whether text can be the operator's name of a player: 1 to 255 bytes of UTF-8, no control character (PostgreSQL stores no
 * NUL), no lone surrogate (it would be stored as another character), no white space at either end. Case is kept.
 */
export function isExternalId(text: string): boolean {
  if (ORDINARY.test(text)) return true;
  return (
    text !== '' &&
    text.length <= BYTES_MAX &&
    text.isWellFormed() &&
    text.trim() === text &&
    !CONTROL_CHARACTER.test(text) &&
    Buffer.byteLength(text) <= BYTES_MAX
  );
}
