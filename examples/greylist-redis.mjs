// @ts-check
// npm install rxmilter rxjs redis
// REDIS_URL=redis://127.0.0.1:6379 npx rxmilter serve --listen inet:8891@127.0.0.1 greylist-redis.mjs
import { createClient } from 'redis';
import { compose } from 'rxmilter';
import { greylist, rateLimit, redisCounters, redisKeys } from 'rxmilter/policies';

/** @typedef {import('rxmilter/policies').RedisClient} RedisClient */
/** @typedef {import('rxmilter/policies').Away} Away */

/**
 * A limit per client and a greylist that all processes have in common, on this machine and on others: whoever was told
 * to wait by one of them is let in by any. Nothing of it depends on which process the mail server asks.
 *
 * @param {RedisClient} client of Redis or Valkey
 * @param {{ delay?: number, limit?: number, away?: Away, timeout?: number }} [options] `away` is what becomes of mail
 * while Redis cannot be asked, `timeout` how long it may take for an answer, in milliseconds, as is `delay`
 */
export function sharedPolicies(client, options = {}) {
  const { delay = 300_000, limit = 100, away = 'tempfail', timeout = 2000 } = options;
  return compose(
    rateLimit({
      key: 'client',
      limit,
      window: 3_600_000,
      counters: redisCounters(client, { timeout }),
      away,
    }),
    greylist({ store: redisKeys(client, { timeout }), delay, away }),
  );
}

/**
 * A client that connects by itself, again and again. It sends nothing while there is no connection: mail that asks then
 * is not to wait in a queue of the client's, but to get at once what was decided for that case.
 *
 * @param {string} url
 * @param {(error: Error) => void} [report]
 */
export function redisClient(url, report = console.error) {
  const client = createClient({
    url,
    disableOfflineQueue: true,
    socket: {
      connectTimeout: 2000,
      // With jitter: a thousand processes are not to come back at the same moment.
      reconnectStrategy: (retries) => Math.min(3000, 50 * 2 ** retries) * (0.5 + Math.random() / 2),
    },
  });
  let said = '';
  client.on('error', (error) => {
    // One line for an outage, and not for each attempt to end it.
    if (said !== String(error)) report(error);
    said = String(error);
  });
  client.on('ready', () => (said = ''));
  // It goes on trying; there may be mail before it has succeeded.
  client.connect().catch(report);
  return client;
}

/** The filter for `rxmilter serve`. */
export default () => sharedPolicies(redisClient(process.env.REDIS_URL ?? 'redis://127.0.0.1:6379'));
