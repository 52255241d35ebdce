import type { MikroORM } from '@mikro-orm/postgresql';
import { type TokenAuthenticator, type CalledBack, createAuthenticator } from '../auth.js';
import type { AuthConfig } from '../config/types.js';
import type { Reads } from '../database/reads.js';
import type { Logger } from '../observability/logger.js';
import { type AccessChanges, createAccessChanges } from './changes.js';
import { type AccessWatch, createAccessWatch } from './watch.js';

/** Calls tokens back, and writes down who did it. */
export interface Tokens {
  callBack(request: CallBackRequest): Promise<CalledBack>;
}

interface CallBackRequest {
  readonly brand: string;
  readonly subject: string;
  readonly reason: string;
  /** Subject of the token that asks for it. */
  readonly by: string;
}

export interface Access {
  readonly authenticator: TokenAuthenticator;
  readonly changes: AccessChanges;
  readonly watch: AccessWatch;
  readonly tokens: Tokens;
  close(): void;
}

export interface AccessOptions {
  readonly auth: AuthConfig;
  readonly orm: MikroORM;
  /** Every request may wait for these: on connections that nothing else can keep busy. */
  readonly reads: Pick<Reads, 'query'>;
  readonly logger: Logger;
}

/** Who may come in, and who may stay. */
export function createAccess({ auth, orm, reads, logger }: AccessOptions): Access {
  const failed = (message: string, error: unknown): void => logger.warn({ err: error }, message);
  const changes = createAccessChanges({ orm, reads });
  const authenticator = createAuthenticator(auth, { callBacks: changes, keySet: { failed } });
  const watch = createAccessWatch({ changes, authenticator, failed });
  return {
    authenticator,
    changes,
    watch,
    tokens: {
      async callBack({ brand, subject, reason, by }) {
        const calledBack = await changes.callBack({ brand, subject }, reason);
        logger.info({ brand, subject, reason, by }, 'tokens called back');
        return calledBack;
      },
    },
    close() {
      watch.close();
      authenticator.close();
    },
  };
}
