import type { KeyStore } from './key-store.js';
import type { RedisClient, RedisOptions } from './redis-client.js';
import { RedisScript } from './redis-script.js';

/** The value is the time of the first attempt, or `passed`. A first attempt that lies in the future is made anew. */
const ATTEMPT = `
local delay, window, lifetime = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local value = redis.call('GET', KEYS[1])
if value == 'passed' then
  redis.call('PEXPIRE', KEYS[1], lifetime)
  return 0
end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local first = tonumber(value or '')
if not first or first > now then
  redis.call('SET', KEYS[1], string.format('%.0f', now), 'PX', window)
  first = now
end
local left = first + delay - now
if left > 0 then
  return left
end
redis.call('SET', KEYS[1], 'passed', 'PX', lifetime)
return 0
`;

/**
 * Remembers who has waited in Redis or Valkey, for all who use the same server and prefix: a first attempt at one
 * machine, a second one at another. It asks in one script, so that of two workers that see the first attempt at the same
 * time one is the first for both, and by the server's clock. Every key expires by itself.
 *
 * The client is yours: connect it, listen to its errors, close it. While it cannot ask, `attempt` rejects with a
 * `StoreError`, after `timeout` at the latest, and works again by itself when it can.
 *
 * @throws TypeError where the client has no `sendCommand`
 * @throws RangeError where a time is out of range
 * @example
 * const client = await createClient({ disableOfflineQueue: true }).on('error', log).connect();
 * greylist({ store: redisKeys(client, { prefix: 'mx:' }) });
 */
export function redisKeys(client: RedisClient, options: RedisOptions = {}): KeyStore {
  const script = new RedisScript('redisKeys()', client, ATTEMPT, options);
  return {
    attempt: (key, { delay, window, lifetime }) =>
      script.run(`grey:${key}`, Math.ceil(delay), Math.ceil(window), Math.ceil(lifetime)),
  };
}
