import { AuthError, type AuthErrorCode, type Authenticator, type Principal } from '../auth.js';
import { apiError } from './errors.js';

/** These say nothing about the token: the caller may try again. */
const transient: ReadonlySet<AuthErrorCode> = new Set(['KEYS_UNAVAILABLE', 'CALL_BACKS_UNAVAILABLE']);

/**
 * Who asks, by the value of an Authorization header or of the field of that name in `connection_init`.
 * @throws UNAUTHENTICATED, or UNAVAILABLE when what is needed to check with cannot be had
 */
export async function authenticateBearer(authenticator: Authenticator, authorization: unknown): Promise<Principal> {
  const [, token] = (typeof authorization === 'string' && /^Bearer +([^\s]+)$/i.exec(authorization)) || [];
  if (token === undefined) throw apiError('UNAUTHENTICATED');
  try {
    return await authenticator.authenticate(token);
  } catch (error) {
    if (!(error instanceof AuthError)) throw error;
    throw transient.has(error.code) ? apiError('UNAVAILABLE') : apiError('UNAUTHENTICATED', error.message);
  }
}
