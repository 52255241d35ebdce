/** Why a catalogue was not synchronised; it stays as it was. */
export const catalogueErrors = {
  NO_CATALOGUE: 'The provider tells no catalogue, and the configuration names no file with one.',
  BUSY: 'The catalogue of this integration is being synchronised at this moment.',
  PROVIDER_FAILED: 'The provider did not tell its catalogue.',
  INVALID: 'The catalogue is not usable as it is.',
  SHRUNK: 'The catalogue lacks more than half of the games that are known; forcing it withdraws them.',
} as const;
export type CatalogueErrorCode = keyof typeof catalogueErrors;

export interface CatalogueErrorFacts {
  /** With `INVALID`: each thing that is wrong, with its place. */
  readonly problems?: readonly string[];
  /** With `SHRUNK`: games that are known and active, and how many of them would be withdrawn. */
  readonly known?: number;
  readonly missing?: number;
}

export class CatalogueError extends Error {
  override readonly name = 'CatalogueError';
  readonly problems: readonly string[];
  readonly known: number;
  readonly missing: number;

  constructor(
    readonly code: CatalogueErrorCode,
    { problems = [], known = 0, missing = 0 }: CatalogueErrorFacts = {},
    options?: ErrorOptions,
  ) {
    super(describe(code, problems, known, missing), options);
    this.problems = problems;
    this.known = known;
    this.missing = missing;
  }
}

const PROBLEMS_SHOWN_MAX = 20;

function describe(code: CatalogueErrorCode, problems: readonly string[], known: number, missing: number): string {
  if (code === 'SHRUNK') return `${catalogueErrors[code]} ${missing} of ${known} are missing.`;
  if (problems.length === 0) return catalogueErrors[code];
  const shown = problems.slice(0, PROBLEMS_SHOWN_MAX);
  const more = problems.length > shown.length ? [`and ${problems.length - shown.length} more`] : [];
  return [catalogueErrors[code], ...[...shown, ...more].map((each) => `  - ${each}`)].join('\n');
}
