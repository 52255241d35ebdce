import type { PolicyOverrides } from '../ledger/policy.js';
import type { Secret } from '../observability/secret.js';
import type { DatabaseTuning, LogLevel } from './shape.js';

/** All the gateway knows of its surroundings, checked once at start and frozen. */
export interface Config {
  readonly mode: 'sandbox' | 'development' | 'production';
  readonly http: { readonly host: string; readonly port: number };
  readonly auth: AuthConfig;
  readonly database: DatabaseConfig;
  readonly currencies: ReadonlyMap<string, CurrencyConfig>;
  readonly brands: readonly BrandConfig[];
  readonly integrations: readonly IntegrationConfig[];
  /** Providers played by this process, for the sandbox and development. */
  readonly simulators: readonly SimulatorConfig[];
  readonly journal: { readonly retentionDays: number };
  readonly graphql: { readonly introspection: boolean; readonly explorer: boolean };
  readonly logLevel: LogLevel;
}

export type AuthConfig =
  | { readonly kind: 'secret'; readonly secret: Secret }
  | { readonly kind: 'jwks'; readonly url: string };

/** Limits of the pool and time-outs, in milliseconds; none is ever 0. */
export type DatabaseLimits = Readonly<Omit<DatabaseTuning, 'directory' | 'port'>>;

export type DatabaseConfig = DatabaseLimits &
  (
    | { readonly kind: 'embedded'; readonly directory: string; readonly port?: number | undefined }
    | { readonly kind: 'url'; readonly url: string; readonly ownerUrl: string }
  );

export interface CurrencyConfig {
  readonly code: string;
  /** Decimals of the ledger unit. */
  readonly scale: number;
}

export interface BrandConfig {
  readonly id: string;
  readonly currencies: readonly string[];
}

export interface IntegrationConfig {
  readonly id: string;
  readonly adapter: string;
  readonly brand: string;
  readonly currencies: readonly string[];
  /** As written, and known to be what the adapter's schema wants: `adapter.bind` reads it. Holds secrets; never log it. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly policy: PolicyOverrides;
}

export interface SimulatorConfig {
  readonly integration: string;
  readonly port: number;
}
