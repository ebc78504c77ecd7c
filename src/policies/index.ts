import '../common/check-node.js';

/** Policies across connections, and their stores: in this process, or in Redis or Valkey. */
export { bursts, type Burst, type BurstOptions } from './bursts.js';
export { clientNetwork, type NetworkSize } from './client-network.js';
export { greylist, type GreylistOptions } from './greylist.js';
export type { RateKey } from './keys.js';
export type { Away, AwayOptions } from './outage.js';
export { rateLimit, type RateLimitOptions } from './rate-limit.js';
export { reputation, type Reputation, type ReputationOptions, type ReputationStage } from './reputation.js';

export { memoryCounters, memoryKeys, memoryScores } from './memory-stores.js';
export type { MemoryCounters, MemoryKeys, MemoryOptions, MemoryScores } from './memory-stores.js';
export type { RedisClient, RedisOptions } from './redis-script.js';
export { redisCounters, redisKeys, redisScores } from './redis-stores.js';
export {
  StoreError,
  type Awaitable,
  type Counters,
  type KeyStore,
  type KeyTimes,
  type Scores,
} from './stores.js';
