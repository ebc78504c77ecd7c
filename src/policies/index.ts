import '../common/check-node.js';

/**
 * Policies across connections, and the places where they keep what they know: in this process, or in Redis or Valkey.
 */
export { greylist } from './greylist.js';
export type { GreylistOptions } from './greylist-options.js';
export { rateLimit } from './rate-limit.js';
export type { RateLimitOptions } from './rate-limit-options.js';
export type { RateKey } from './rate-key.js';
export { reputation, type Reputation } from './reputation.js';
export type { ReputationOptions, ReputationStage } from './reputation-options.js';
export type { Away, AwayOptions } from './away.js';
export { bursts, type Burst, type BurstOptions } from './bursts.js';
export { clientNetwork, type NetworkSize } from './client-network.js';

export type { Awaitable } from './awaitable.js';
export type { Counters } from './counters.js';
export type { KeyStore, KeyTimes } from './key-store.js';
export { memoryCounters, type MemoryCounters, type MemoryOptions } from './memory-counters.js';
export { memoryKeys, type MemoryKeys } from './memory-keys.js';
export { memoryScores, type MemoryScores } from './memory-scores.js';
export type { RedisClient, RedisOptions } from './redis-client.js';
export { redisCounters } from './redis-counters.js';
export { redisKeys } from './redis-keys.js';
export { redisScores } from './redis-scores.js';
export type { Scores } from './scores.js';
export { StoreError } from './store-error.js';
