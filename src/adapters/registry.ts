import type { Adapter } from './contract.js';
import { igpx } from './igpx/index.js';

/** Every adapter the gateway knows. A new provider is one folder and one line here. */
export const adapters: readonly Adapter[] = [igpx];
