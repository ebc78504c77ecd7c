import '../common/check-node.js';

/** Look-ups for filters: shared between connections, kept for a while, tried again, and loaded anew. */
export { backoff, type BackoffOptions } from './backoff.js';
export { coalesce, type CoalesceOptions, type Coalesced, type LookUp } from './coalesce.js';
export { LookUpError } from './flight.js';
export { reloaded, watchFile, type ReloadedOptions, type WatchFileOptions } from './reloaded.js';
