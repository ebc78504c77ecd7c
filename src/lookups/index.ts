import '../common/check-node.js';

/** Look-ups for filters: shared between connections, kept for a while, tried again, and loaded anew. */
export { backoff, type BackoffOptions } from './backoff.js';
export { sharedLookUp, type SharedLookUpOptions, type SharedLookUp, type LookUp } from './shared-look-up.js';
export { LookUpError } from './flight.js';
export { reloaded, watchFile, type ReloadedOptions, type WatchFileOptions } from './reloaded.js';
