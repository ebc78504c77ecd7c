// @ts-check
// A filter with common policies: of a process of its own (node shared-filter.mjs ADDRESS), or of workers that load it.
import { addHeader, compose, on, serve } from 'rxmilter';

import { redisClient, sharedPolicies } from '../../../examples/greylist-redis.mjs';

const { REDIS_URL = '', DELAY, LIMIT, AWAY, TIMEOUT } = process.env;
const client = redisClient(REDIS_URL, (error) => console.log(`redis: ${error.message}`));

const filter = compose(
  sharedPolicies(client, {
    delay: Number(DELAY),
    limit: Number(LIMIT),
    away: AWAY === 'pass' ? 'pass' : 'tempfail',
    timeout: Number(TIMEOUT),
  }),
  on('eom', () => addHeader('X-Filtered', `by ${process.pid}`)),
);

if (import.meta.filename === process.argv[1]) {
  const server = await serve(filter, {
    listen: process.argv[2] ?? '',
    mode: 0o666, // a directory that is only there for the test
    onError: (error) => console.log(`error: ${error.message}`),
  });
  const ready = () => console.log(`Listening on ${server.address}`);
  if (client.isReady) ready();
  else client.once('ready', ready);
  process.once('SIGTERM', async () => {
    await server.close();
    client.destroy();
  });
}

export default filter;
