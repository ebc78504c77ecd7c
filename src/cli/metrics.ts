import { createServer } from 'node:http';

import { optionalPeer } from '../common/optional-peer.js';
import type { MessageOutcome } from '../session/outcome.js';
import { bindServer } from '../transport/sockets/bind.js';
import { parseEndpoint } from '../transport/sockets/endpoint.js';
import { addressOf } from '../transport/sockets/open-socket.js';

/** What is used of prom-client. */
interface PromClient {
  readonly Registry: new () => {
    readonly contentType: string;
    metrics(): Promise<string>;
  };
  readonly Counter: new (options: object) => { inc(labels?: Readonly<Record<string, string>>): void };
  readonly Histogram: new (options: object) => {
    observe(labels: Readonly<Record<string, string>>, value: number): void;
  };
  readonly collectDefaultMetrics: (options: object) => void;
}

/** Numbers for Prometheus, of messages and of the process. */
export interface Metrics {
  /** Where they are read: `inet:9464@127.0.0.1`. */
  readonly address: string;
  /** Counts a message that is over. */
  count(message: MessageOutcome): void;
  /** Counts an error. */
  failed(): void;
  close(): void;
}

/** In seconds: most filters answer in milliseconds, some ask a scanner. */
const BUCKETS = [0.005, 0.02, 0.1, 0.5, 2, 10, 60];

/**
 * Lets Prometheus read, at `/metrics` by HTTP, how many messages there were, how long they took and what went wrong.
 *
 * @throws Error where prom-client is not installed; EndpointError or ListenError for an endpoint that cannot be
 */
export async function openMetrics(listen: string): Promise<Metrics> {
  const { Registry, Counter, Histogram, collectDefaultMetrics } = optionalPeer(
    'prom-client',
    '--metrics',
  ) as PromClient;
  const register = new Registry();
  const registers = [register];
  collectDefaultMetrics({ register });
  const durations = new Histogram({
    name: 'rxmilter_message_duration_seconds',
    help: 'Messages that are over, and the time from MAIL to their last answer, by result',
    labelNames: ['result'],
    buckets: BUCKETS,
    registers,
  });
  const errors = new Counter({
    name: 'rxmilter_errors_total',
    help: 'Errors of filters and peers',
    registers,
  });
  const http = createServer((request, response) => {
    if (request.url !== '/metrics') {
      response.writeHead(404).end('The metrics are at /metrics.\n');
      return;
    }
    register.metrics().then(
      (text) => response.writeHead(200, { 'content-type': register.contentType }).end(text),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  const endpoint = parseEndpoint(listen);
  await bindServer(http, endpoint);
  return {
    address: addressOf(http, endpoint),
    count: ({ result, duration }) => {
      durations.observe({ result }, duration / 1000);
    },
    failed: () => {
      errors.inc();
    },
    close: () => {
      http.close();
      http.closeAllConnections();
    },
  };
}
