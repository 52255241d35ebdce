const BYTES_MAX = 255;
const ORDINARY = /^[\x21-\x7e]{1,255}$/;
const CONTROL_CHARACTER = /\p{Cc}/u;

/**
 * Whether text can name something for ever, be it a player, a movement, a round or a game: 1 to 255 bytes of UTF-8, no control
 * character (PostgreSQL stores no NUL), no lone surrogate (it would be stored as another character, so two names could become
 * one), no white space at either end. Case is kept.
 */
export function isName(text: string): boolean {
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

/** Whether text comes back from the database as it went in; a name of the provider's own choosing need not be pretty. */
export function isStorableName(text: string): boolean {
  if (ORDINARY.test(text)) return true;
  return text !== '' && text.isWellFormed() && !text.includes('\0') && Buffer.byteLength(text) <= BYTES_MAX;
}
