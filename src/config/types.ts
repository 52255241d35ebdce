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
  /** Whether this gateway helps to keep rounds and reports up to date; it does when absent. */
  readonly projections?: boolean | undefined;
  /** Without it no proofs are given. */
  readonly proofs?: ProofsConfig | undefined;
  /** What carries hints between gateways; PostgreSQL when absent. */
  readonly bus?: BusConfig | undefined;
  readonly metrics?: MetricsConfig | undefined;
  /** Nothing is traced when absent. */
  readonly tracing?: TracingConfig | undefined;
  readonly graphql: GraphqlConfig;
  readonly logLevel: LogLevel;
}

export type AuthConfig =
  /** The previous secret is accepted too, while tokens signed with it are still about. */
  | { readonly kind: 'secret'; readonly secret: Secret; readonly previousSecret?: Secret | undefined }
  | { readonly kind: 'jwks'; readonly url: string };

export interface GraphqlConfig {
  readonly introspection: boolean;
  readonly explorer: boolean;
  /** Origins of pages that may ask from a browser; undefined when none were listed. */
  readonly origins?: readonly string[] | undefined;
  /** Documents by their SHA-256 in hex; when there are any, no other operation is taken. */
  readonly trustedDocuments?: ReadonlyMap<string, string> | undefined;
  /** Fields that one subject may have resolved in a minute. */
  readonly costPerMinute?: { readonly player: number; readonly staff: number } | undefined;
}

export type BusConfig =
  | { readonly kind: 'postgres' }
  | {
      readonly kind: 'redis' | 'nats';
      /** With the credentials, where the server wants some. */
      readonly url: Secret;
    };

export interface MetricsConfig {
  /** Whoever reads the metrics has to show it. */
  readonly token?: Secret | undefined;
}

export interface TracingConfig {
  /** Where an OTLP receiver takes traces over HTTP. */
  readonly url: Secret;
  /** Part of all traces that is sent, from 0 to 1. */
  readonly sampleRatio: number;
  /** Sent with every export: what the receiver asks for. */
  readonly headers: Readonly<Record<string, Secret>>;
}

/** Keys known to be good: PKCS#8 of Ed25519, and PEM of public keys. */
export interface ProofsConfig {
  readonly privateKey: Secret;
  readonly earlierKeys: readonly string[];
}

/** Limits of the pool and time-outs, in milliseconds; none is ever 0. */
export type DatabaseLimits = Readonly<Omit<DatabaseTuning, 'directory' | 'port'>>;

export type DatabaseConfig = DatabaseLimits &
  (
    | { readonly kind: 'embedded'; readonly directory: string; readonly port?: number | undefined }
    | {
        readonly kind: 'url';
        readonly url: string;
        readonly ownerUrl: string;
        /** A replica that the history may be read from. */
        readonly replicaUrl?: string | undefined;
      }
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
