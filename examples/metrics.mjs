// @ts-check
// npm install rxmilter rxjs prom-client pino
import { once } from 'node:events';
import { realpathSync } from 'node:fs';
import { createServer } from 'node:http';
import { pino } from 'pino';
import promClient from 'prom-client';
import { compose, on, reject, serve } from 'rxmilter';

import { mailMetrics } from './metrics-counts.mjs';
import { mailLog } from './metrics-log.mjs';

/** @typedef {import('rxjs').OperatorFunction<import('rxmilter').Flow, import('rxmilter').Flow>} Filter */

/**
 * Serves a filter, counts what becomes of its mail, and writes a line about each message.
 *
 * @param {Filter} filter
 * @param {import('rxmilter').ServeOptions} options
 * @param {{ register: promClient.Registry, logger: import('pino').Logger }} watching
 */
export async function serveWatched(filter, options, { register, logger }) {
  const metrics = mailMetrics(register);
  const log = mailLog(logger);
  // It only looks, so it costs no waiting.
  const server = await serve(compose(metrics.filter, filter), {
    // What went wrong stands in the lines of the messages, but for what is in no message.
    onError: (error, outcome) => log.failed(error, outcome),
    ...options,
  });
  server.outcomes.subscribe((outcome) => metrics.count(outcome));
  server.messages.subscribe((message) => log.note(message));
  return server;
}

/**
 * Lets Prometheus read the metrics at `/metrics`.
 *
 * @param {promClient.Registry} register
 * @param {{ port: number, host?: string }} where
 * @returns {Promise<{ port: number, close: () => Promise<void> }>} rejects where it cannot listen there
 */
export async function serveMetrics(register, { port, host = '127.0.0.1' }) {
  const http = createServer(async (request, response) => {
    const [pathname] = (request.url ?? '').split('?');
    if (pathname !== '/metrics' || (request.method !== 'GET' && request.method !== 'HEAD')) {
      response.writeHead(pathname === '/metrics' ? 405 : 404).end();
      return;
    }
    try {
      const text = await register.metrics();
      response.writeHead(200, { 'content-type': register.contentType }).end(text);
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  });
  http.listen(port, host);
  await once(http, 'listening');
  const address = http.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: async () => {
      http.close();
      http.closeAllConnections();
      if (http.listening) await once(http, 'close');
    },
  };
}

// Started as a program, and not imported:
if (import.meta.filename === realpathSync(process.argv[1] ?? '.')) {
  const [, , listen = 'inet:8891@127.0.0.1', port = '9464'] = process.argv;
  const register = new promClient.Registry();
  promClient.collectDefaultMetrics({ register });
  // Written by another thread's time: a log that is slow or full holds up no mail. What is more than 16 MB behind is lost.
  const destination = pino.destination({ sync: false, maxLength: 16_000_000 });
  // Unheard it would end the process.
  destination.on('error', (error) => console.error(String(error)));
  const logger = pino(destination);
  const filter = on('rcpt', ({ mailbox }) => mailbox.startsWith('x-') && reject('No such user'));

  const metrics = await serveMetrics(register, { port: Number(port) });
  const server = await serveWatched(filter, { listen }, { register, logger });
  logger.info({ address: server.address, metrics: metrics.port }, 'listening');
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, async () => {
      // The metrics stay until the last message is through.
      await server.close();
      await metrics.close();
      logger.flush(() => process.exit());
    });
  }
}
