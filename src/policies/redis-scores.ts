import { LEAST_SCORE, MOST_SCORE, checkPoints } from './fading.js';
import type { RedisClient, RedisOptions } from './redis-client.js';
import { RedisScript } from './redis-script.js';
import type { Scores } from './scores.js';

/** Parts of a point in a reply, which is a whole number. */
const PARTS = 1_000;

/**
 * The same as `memoryScores()` does: p is how many points there were at the time t. A clock that was set back, or is
 * another server's after a failover, takes nothing away. To add nothing is to ask, and writes nothing.
 */
const ADD = `
local more, halfLife = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
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
 * Keeps scores in Redis or Valkey, for all who use the same server and prefix, the way `memoryScores()` does: in one
 * script, so that of what several workers add at the same time nothing is lost, and by the server's clock. What it says
 * is rounded to thousandths of a point. Every key expires by itself, when its points count as nothing.
 *
 * The client is yours: connect it, listen to its errors, close it. While it cannot ask, `add` and `of` reject with a
 * `StoreError`, after `timeout` at the latest, and work again by themselves when it can.
 *
 * @throws TypeError where the client has no `sendCommand`
 * @throws RangeError where a time is out of range; when asked, where points or a half-life are
 * @example
 * const client = await createClient({ disableOfflineQueue: true }).on('error', log).connect();
 * reputation({ threshold: 10, halfLife: 3_600_000, scores: redisScores(client) });
 */
export function redisScores(client: RedisClient, options: RedisOptions = {}): Scores {
  const script = new RedisScript('redisScores()', client, ADD, options);
  const run = async (key: string, points: number, halfLife: number): Promise<number> => {
    checkPoints('redisScores()', points, halfLife);
    return (await script.run(`score:${halfLife}:${key}`, points, halfLife)) / PARTS;
  };
  return { add: run, of: (key, halfLife) => run(key, 0, halfLife) };
}
