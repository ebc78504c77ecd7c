import { RedisScript, type RedisClient, type RedisOptions } from './redis-script.js';
import { checkPoints, type Counters, type KeyStore, LEAST_SCORE, MOST_SCORE, type Scores } from './stores.js';

/**
 * The same as `memoryCounters()`: s is the running slot, c the count in it, p the count in the one before. A clock that
 * is a slot behind is another server's after a failover; one that is further behind was set back.
 */
const HIT = `
local window, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
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
 * Counts in Redis or Valkey, for all processes that use the same server and prefix.
 *
 * @remarks It counts as `memoryCounters()` does, atomically, and by the server's clock. While the server is unavailable,
 *   `hit` rejects with a `StoreError`, after `timeout` at the latest.
 * @throws TypeError where the client has no `sendCommand`, RangeError where a time is out of range
 * @example
 * const client = await createClient({ disableOfflineQueue: true }).on('error', log).connect();
 * rateLimit({ key: 'client', limit: 100, window: 3_600_000, counters: redisCounters(client) });
 */
export function redisCounters(client: RedisClient, options: RedisOptions = {}): Counters {
  const script = new RedisScript('redisCounters()', client, HIT, options);
  return {
    // Redis expires by whole milliseconds.
    hit: (key, window, limit = Infinity) =>
      script.run(`count:${window}:${key}`, Math.ceil(window), limit === Infinity ? -1 : limit),
  };
}

/** The value is the time of the first attempt, or `passed`. A first attempt that lies in the future is made anew. */
const ATTEMPT = `
local delay, window, lifetime = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local value = redis.call('GET', KEYS[1])
if value ~= 'passed' then
  local first = tonumber(value or '')
  if not first or first > now then
    redis.call('SET', KEYS[1], string.format('%.0f', now), 'PX', window)
    first = now
  end
  local left = first + delay - now
  if left > 0 then
    return left
  end
end
redis.call('SET', KEYS[1], 'passed', 'PX', lifetime)
return 0
`;

/**
 * Remembers in Redis or Valkey who has waited, for all processes that use the same server and prefix.
 *
 * @remarks It is atomic, and goes by the server's clock. While the server is unavailable, `attempt` rejects with a
 *   `StoreError`, after `timeout` at the latest.
 * @throws TypeError where the client has no `sendCommand`, RangeError where a time is out of range
 * @example greylist({ store: redisKeys(client, { prefix: 'mx:' }) });
 */
export function redisKeys(client: RedisClient, options: RedisOptions = {}): KeyStore {
  const script = new RedisScript('redisKeys()', client, ATTEMPT, options);
  return {
    attempt: (key, { delay, window, lifetime }) =>
      script.run(`grey:${key}`, Math.ceil(delay), Math.ceil(window), Math.ceil(lifetime)),
  };
}

/** Parts of a point in a reply, which is a whole number. */
const PARTS = 1_000;

/**
 * The same as `memoryScores()`: p is the points at the time t. A clock that was set back, or is another server's after
 * a failover, takes nothing away. To add nothing is to ask, and writes nothing.
 */
const ADD = `
local more, halfLife = tonumber(ARGV[1]), tonumber(ARGV[2])
local kept = redis.call('HMGET', KEYS[1], 'p', 't')
local points = tonumber(kept[1] or 0) * 2 ^ (-math.max(0, now - tonumber(kept[2] or now)) / halfLife)
if points < ${LEAST_SCORE} then
  points = 0
end
if more > 0 then
  points = math.min(${MOST_SCORE}, points + more)
  if points < ${LEAST_SCORE} then
    points = 0
    redis.call('DEL', KEYS[1])
  else
    redis.call('HSET', KEYS[1], 'p', string.format('%.17g', points), 't', string.format('%.0f', now))
    local lifetime = math.max(1, math.ceil(halfLife * math.log(points / ${LEAST_SCORE}) / math.log(2)))
    redis.call('PEXPIRE', KEYS[1], string.format('%.0f', lifetime))
  end
end
return string.format('%.0f', points * ${PARTS})
`;

/**
 * Keeps scores in Redis or Valkey, for all processes that use the same server and prefix.
 *
 * @remarks It adds atomically, and by the server's clock; points are rounded to thousandths. While the server is
 *   unavailable, `add` and `of` reject with a `StoreError`, after `timeout` at the latest.
 * @throws TypeError where the client has no `sendCommand`, RangeError where a time is out of range; from `add` and `of`,
 *   where points or a half-life are
 * @example reputation({ threshold: 10, halfLife: 3_600_000, scores: redisScores(client) });
 */
export function redisScores(client: RedisClient, options: RedisOptions = {}): Scores {
  const script = new RedisScript('redisScores()', client, ADD, options);
  const add = async (key: string, points: number, halfLife: number): Promise<number> => {
    checkPoints('redisScores()', points, halfLife);
    return (await script.run(`score:${halfLife}:${key}`, points, halfLife)) / PARTS;
  };
  return { add, of: (key, halfLife) => add(key, 0, halfLife) };
}
