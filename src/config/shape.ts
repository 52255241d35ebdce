import { z } from 'zod';
import { PolicyPart } from '../ledger/policy.js';

/** The shapes of the configuration file, part by part: parts are checked one by one so that one fault hides no other. */

export const Slug = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be 1 to 63 lower-case letters, digits and "-", not starting with "-"');

export const CurrencyCode = z
  .string()
  .regex(/^[A-Z][A-Z0-9]{2,11}$/, 'must be a currency code of 3 to 12 capital letters and digits');

const scaleHint = 'must be a whole number of decimals from 0 to 18';
export const CurrencyEntry = z.strictObject(
  { scale: z.int(scaleHint).min(0, scaleHint).max(18, scaleHint).optional() },
  { error: 'must be written { scale: … }, or {} for a scale of 6 (ISO 4217) or 8 (any other code)' },
);

const codes = z
  .array(CurrencyCode)
  .min(1, 'must name at least one currency')
  .refine((list) => new Set(list).size === list.length, 'names a currency twice');

/** Where a game may send its player back to: `https://casino.example`, without a path. */
const origins = z
  .array(
    z
      .string()
      .refine(
        (text) => /^https?:$/.test(URL.parse(text)?.protocol ?? '') && URL.parse(text)?.origin === text,
        'must be an origin such as "https://casino.example", without a path or a "/" at its end',
      ),
  )
  .min(1, 'must hold at least one origin');

export const BrandEntry = z.strictObject({ id: Slug, currencies: codes, returnOrigins: origins.optional() });

export const IntegrationEntry = z.strictObject({
  id: Slug.refine(
    (id) => id !== 'cashier' && id !== 'adjustment',
    'is reserved for money that no provider moves; choose another',
  ),
  adapter: Slug,
  brand: Slug,
  currencies: codes,
  settings: z.record(z.string(), z.unknown()).default({}),
  policy: PolicyPart.default({}),
  returnOrigins: origins.optional(),
  catalogue: z.string().min(1, 'must name a file').optional(),
});

export const SimulatorEntry = z.strictObject({ integration: Slug, port: z.int().min(1).max(65_535) });

/** Milliseconds. PostgreSQL and pg read 0 as "wait for ever". */
function duration(defaultMs: number) {
  return z
    .int()
    .min(1, 'must be at least 1 millisecond: 0 would mean waiting for ever')
    .max(600_000, 'must be at most 600000 milliseconds')
    .default(defaultMs);
}

export const DatabaseTuning = z.strictObject({
  /** Where the embedded server keeps its data; unused with DATABASE_URL. */
  directory: z.string().min(1).optional(),
  /** Port of the embedded server; a free one is taken where it is in use. */
  port: z.int().min(1).max(65_535).default(54_329),
  poolMax: z.int().min(1).max(200).default(10),
  acquireTimeoutMs: duration(2_000),
  statementTimeoutMs: duration(5_000),
  lockTimeoutMs: duration(3_000),
  idleInTransactionTimeoutMs: duration(5_000),
  /** The whole transaction; PostgreSQL 17 and later. */
  transactionTimeoutMs: duration(10_000),
});
export type DatabaseTuning = z.infer<typeof DatabaseTuning>;

const hoursHint = 'must be a whole number of hours from 0 (never) to 168';
export const CatalogueHours = z.int(hoursHint).min(0, hoursHint).max(168, hoursHint).default(24);

export const Projections = z.boolean('must be true or false').default(true);

export const JournalEntry = z.strictObject({ retentionDays: z.int().min(1).max(3_650).default(30) });

export const GraphqlEntry = z.strictObject({
  introspection: z.boolean().optional(),
  explorer: z.boolean().optional(),
  /** Pages that may ask from a browser, by HTTP and by WebSocket; the gateway's own pages always may. */
  origins: origins.optional(),
  /** A JSON file of SHA-256 → document: with it, no other operation is taken. */
  trustedDocuments: z.string().min(1, 'must name a file').optional(),
  /** What one token's subject may ask in a minute, in fields to resolve. */
  costPerMinute: z
    .strictObject({ player: z.int().min(1_000).default(200_000), staff: z.int().min(1_000).default(5_000_000) })
    .default({ player: 200_000, staff: 5_000_000 }),
});
export type GraphqlEntry = z.infer<typeof GraphqlEntry>;

/** Lists stay unread here; see above. */
const parts = {
  currencies: z.record(z.string(), z.unknown()),
  brands: z.array(z.unknown()).min(1, 'must hold at least one brand'),
  integrations: z.array(z.unknown()).optional(),
  database: z.unknown().optional(),
  journal: z.unknown().optional(),
  projections: z.unknown().optional(),
  proofs: z.unknown().optional(),
  bus: z.unknown().optional(),
  metrics: z.unknown().optional(),
  tracing: z.unknown().optional(),
  catalogueHours: z.unknown().optional(),
  graphql: z.unknown().optional(),
  simulators: z.array(z.unknown()).optional(),
};
export const FileShape = z.strictObject(parts);

/** The same file after its faults were noted: what is readable of it. */
export const FileParts = z.object({
  ...parts,
  currencies: parts.currencies.optional().catch(undefined),
  brands: parts.brands.optional().catch(undefined),
  integrations: parts.integrations.catch(undefined),
  simulators: parts.simulators.catch(undefined),
});
export type FileParts = z.infer<typeof FileParts>;

/** Ids of all entries of a list, the faulty ones too: whoever refers to those is not at fault. */
export function idsOf(entries: readonly unknown[]): ReadonlySet<string> {
  const Identified = z.object({ id: z.string() });
  return new Set(entries.map((entry) => Identified.safeParse(entry).data?.id).filter((id) => id !== undefined));
}

const portHint = 'must be a port number from 0 to 65535';
export const Environment = z.object({
  PORT: z
    .string()
    .regex(/^\d{1,5}$/, portHint)
    .transform(Number)
    .refine((port) => port <= 65_535, portHint)
    .default(4_000),
  HOST: z.string().regex(/^\S+$/, 'must be an address or host name without white space').optional(),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).optional(),
  NODE_ENV: z.string().optional(),
});
export type LogLevel = NonNullable<z.infer<typeof Environment>['LOG_LEVEL']>;
