export * as igpx from './igpx/index.js';
export * as flexsoft from './flexsoft/index.js';
export * as phoenix from './phoenix/index.js';
export * as hypetech from './hypetech/index.js';
export * as scorpioplay from './scorpioplay/index.js';
