import type { Counters } from './counters.js';
import type { RedisClient, RedisOptions } from './redis-client.js';
import { RedisScript } from './redis-script.js';

/**
 * The same as `SlidingCount` does: s is the running slot, c what was counted in it, p in the one before. A clock that
 * is a slot behind is another server's after a failover; one that is further behind was set back.
 */
const HIT = `
local window, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local slot = math.floor(now / window)
local kept = redis.call('HMGET', KEYS[1], 's', 'c', 'p')
local s, c, p = tonumber(kept[1] or slot), tonumber(kept[2] or 0), tonumber(kept[3] or 0)
local rest = 1 - now / window + slot
if slot == s + 1 then
  p, c, s = c, 0, slot
elseif slot == s - 1 then
  rest = 1
elseif slot ~= s then
  p, c, s = 0, 0, slot
end
local count = math.floor(p * rest) + c + 1
if limit < 0 or count <= limit then
  redis.call('HSET', KEYS[1], 's', string.format('%.0f', s), 'c', string.format('%.0f', c + 1), 'p', string.format('%.0f', p))
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', 2 * window))
end
return count
`;

/**
 * Counts in Redis or Valkey, for all who use the same server and prefix, the way `memoryCounters()` does: in one script,
 * so that of two workers both never take the last place, and by the server's clock. Every key expires by itself, two
 * windows after it was counted last.
 *
 * The client is yours: connect it, listen to its errors, close it. While it cannot ask, `hit` rejects with a `StoreError`,
 * after `timeout` at the latest, and works again by itself when it can.
 *
 * @throws TypeError where the client has no `sendCommand`
 * @throws RangeError where a time is out of range
 * @example
 * const client = await createClient({ disableOfflineQueue: true }).on('error', log).connect();
 * rateLimit({ key: 'client', limit: 100, window: 3_600_000, counters: redisCounters(client) });
 */
export function redisCounters(client: RedisClient, options: RedisOptions = {}): Counters {
  const script = new RedisScript('redisCounters()', client, HIT, options);
  return {
    hit: (key, window, limit) =>
      // Redis expires by whole milliseconds.
      script.run(
        `count:${window}:${key}`,
        Math.ceil(window),
        limit === undefined || limit === Infinity ? -1 : limit,
      ),
  };
}
