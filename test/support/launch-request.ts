import type { LaunchRequest } from '../../src/adapters/contract.js';

/** A wish to play as an adapter's client is handed it; what a test does not mention is ordinary. */
export function launchRequest(more: Partial<LaunchRequest> = {}): LaunchRequest {
  return {
    launchId: 'se_011',
    token: `01${'t'.repeat(43)}`,
    player: 'alice',
    playerPublicId: 'pl_011',
    currency: 'USD',
    displayDecimals: 2,
    game: undefined,
    language: 'en',
    returnUrl: undefined,
    platform: 'desktop',
    demo: false,
    ...more,
  };
}
