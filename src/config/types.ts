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
  /** Between two readings of every catalogue, from the start on; 0 or absent means never. */
  readonly catalogueHours?: number | undefined;
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
  /** Origins that its players may be sent back to after a game; any when absent. */
  readonly returnOrigins?: readonly string[] | undefined;
}

export interface IntegrationConfig {
  readonly id: string;
  readonly adapter: string;
  readonly brand: string;
  readonly currencies: readonly string[];
  /** As written, and known to be what the adapter's schema wants: `adapter.bind` reads it. Holds secrets; never log it. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly policy: PolicyOverrides;
  /** In place of the brand's. */
  readonly returnOrigins?: readonly string[] | undefined;
  /** Absolute path of the file with the games, for providers that do not tell their catalogue. */
  readonly catalogue?: string | undefined;
}

export interface SimulatorConfig {
  readonly integration: string;
  readonly port: number;
}
