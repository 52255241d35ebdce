const fiatScale = 6;
const otherScale = 8;

/**
 * Decimals of the ledger unit of a currency whose entry names none: 6 for currencies of ISO 4217, past ones too, 8 for any
 * other code.
 */
export function defaultScale(code: string): number {
  return isIso(code) ? fiatScale : otherScale;
}

/**
 * Asks for the currency's name, because the Unicode data keep it when the currency is given up. `Intl.supportedValuesOf` is
 * of current currencies only: a scale that must never change would change with the version of Node.
 */
function isIso(code: string): boolean {
  if (!/^[A-Z]{3}$/.test(code)) return false;
  return new Intl.DisplayNames('en', { type: 'currency', fallback: 'none' }).of(code) !== undefined;
}
