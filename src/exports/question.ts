import { z } from 'zod';
import { Slug } from '../config/shape.js';
import { reportGrains } from '../entities/report-bucket.js';
import { transactionKinds } from '../ledger/commands.js';
import { DateTimeScalar } from '../schema/scalars.js';
import { ExportError } from './errors.js';

/** What a request for an export asks, read from its path and its query. */

export const formats = ['csv', 'ndjson', 'parquet'] as const;
export type Format = (typeof formats)[number];
const subjects = ['transactions', 'rounds', 'reports'] as const;
export type Subject = (typeof subjects)[number];

export interface Path {
  readonly subject: Subject;
  readonly format: Format;
}

const PATH = new RegExp(`^/(${subjects.join('|')})\\.(${formats.join('|')})$`);

/** @param path below `/exports` @returns undefined for what is not an export */
export function readPath(path: string): Path | undefined {
  const [, subject, format] = PATH.exec(path) ?? [];
  return Paths.safeParse({ subject, format }).data;
}

const Paths = z.object({ subject: z.enum(subjects), format: z.enum(formats) });

const DAYS_MAX = 400;
const DAY_MS = 86_400_000;
const ROWS_MAX = 1_000_000_000;
/** A file in columns is kept for its end by whoever reads it, so it does not grow without being asked to. */
const PARQUET_ROWS_DEFAULT = 1_000_000;

const moment = z.string('is required').transform((text, context) => {
  try {
    return DateTimeScalar.parseValue(text);
  } catch {
    const hint = 'must be a moment such as 2027-01-31T00:00:00Z, with "Z" or an offset (its "+" written as %2B)';
    context.addIssue(hint);
    return z.NEVER;
  }
});

/** Words as the API writes them, in capitals or not. */
function word<const Value extends string>(values: readonly Value[]) {
  const names = new Map(values.map((value) => [nameOf(value), value]));
  return z.string().transform((text, context) => {
    const value = names.get(nameOf(text));
    if (value !== undefined) return value;
    context.addIssue(`must be one of ${[...names.keys()].join(', ')}`);
    return z.NEVER;
  });
}

function nameOf(value: string): string {
  return value.toUpperCase().replaceAll('-', '_');
}

const common = {
  from: moment,
  to: moment,
  integration: Slug.optional(),
  after: z.string().min(1).max(1_000).optional(),
  rows: z
    .string()
    .regex(/^[1-9]\d{0,9}$/, `must be a whole number from 1 to ${ROWS_MAX}`)
    .transform(Number)
    .refine((rows) => rows <= ROWS_MAX, `must be a whole number from 1 to ${ROWS_MAX}`)
    .optional(),
};
const player = z.string().min(1).max(100).optional();
export const roundStates = ['open', 'settled', 'rolled-back', 'closed'] as const;

const questions = {
  transactions: z.strictObject({ ...common, player, kind: word(transactionKinds).optional() }),
  rounds: z.strictObject({ ...common, player, state: word(roundStates).optional() }),
  reports: z.strictObject({ ...common, by: word(reportGrains).default('day') }),
} satisfies Record<Subject, z.ZodType>;

type Read<Name extends Subject> = { readonly subject: Name } & z.infer<(typeof questions)[Name]>;
export type Question = (Read<'transactions'> | Read<'rounds'> | Read<'reports'>) & { readonly format: Format };

/** @throws BAD_REQUEST that names every parameter at fault */
export function readQuestion({ subject, format }: Path, parameters: URLSearchParams): Question {
  const given = Object.fromEntries(parameters);
  const twice = [...new Set(parameters.keys())].filter((name) => parameters.getAll(name).length > 1);
  if (twice.length > 0) throw refusal(twice.map((name) => `"${shown(name)}" is given twice`));
  const question = { subject, format, ...check(questions[subject], given) } as Question;
  const { from, to } = question;
  if (from >= to) throw refusal(['"from" must be before "to"']);
  if (to.getTime() - from.getTime() > DAYS_MAX * DAY_MS) {
    throw refusal([`"from" and "to" must be at most ${DAYS_MAX} days apart`]);
  }
  return format === 'parquet' ? { ...question, rows: question.rows ?? PARQUET_ROWS_DEFAULT } : question;
}

function check<Shape extends z.ZodType>(shape: Shape, given: Record<string, string>): z.infer<Shape> {
  const read = shape.safeParse(given);
  if (read.success) return read.data;
  throw refusal(
    read.error.issues.flatMap((issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((name) => `"${shown(name)}" is no parameter of this export`)
        : [`"${issue.path.join('.')}" ${issue.message}`],
    ),
  );
}

function shown(name: string): string {
  return name.slice(0, 40);
}

function refusal(problems: readonly string[]): ExportError {
  return new ExportError('BAD_REQUEST', `${problems.slice(0, 10).join('; ')}.`);
}
