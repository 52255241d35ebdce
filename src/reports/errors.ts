/** Why a report is refused; each message tells what to change. */
export type ReportErrorCode =
  | 'RANGE_NOT_WHOLE'
  | 'RANGE_REVERSED'
  | 'RANGE_TOO_LONG'
  | 'FILTER_TOO_LONG'
  | 'TOO_MANY_ROWS';

export class ReportError extends Error {
  override readonly name = 'ReportError';
  readonly code: ReportErrorCode;

  constructor(code: ReportErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
