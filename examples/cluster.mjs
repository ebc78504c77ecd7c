// @ts-check
// npm install rxmilter rxjs prom-client
// node cluster.mjs [--workers 4] [--grace 60000] [--metrics 9100] filter.mjs [inet:8891@127.0.0.1]
import cluster from 'node:cluster';
import { realpathSync } from 'node:fs';
import { createServer } from 'node:http';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import promClient from 'prom-client';
import { serve } from 'rxmilter';
import { MergedMetrics, countOutcomes } from './cluster-metrics.mjs';
import { Supervisor } from './cluster-supervisor.mjs';

const { Counter, Gauge, Registry } = promClient;

/**
 * Runs the filter of a module in several processes that accept from the same socket.
 *
 * SIGHUP replaces them one by one, without a mail that is put off; SIGTERM and SIGINT let messages in progress finish; a
 * second one does not. Should the supervisor itself be killed, its workers end, and the MTA keeps the mail for later.
 *
 * @param {{ workers: number, grace: number, metrics: number | undefined }} options `metrics` is a port of 127.0.0.1
 */
async function supervise({ workers, grace, metrics }) {
  const register = new Registry();
  const merged = new MergedMetrics();
  const ends = new Counter({
    name: 'rxmilter_worker_ends_total',
    help: 'Worker processes that have ended',
    registers: [register],
  });
  // The workers accept by themselves: one that hangs takes no connection, and one that is killed loses none but its own.
  // Handed out in turn they would go by way of this process, and those that it has under way to a dead worker be stuck.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  const supervisor = new Supervisor({
    fork: () => cluster.fork({ CLUSTER_WORKER: '1' }).process,
    workers,
    grace,
    onMessage: (message, child) => {
      if (message?.type === 'metrics') merged.set(child, message.metrics);
    },
    onEnd: (child) => {
      ends.inc();
      merged.end(child);
    },
  });
  new Gauge({
    name: 'rxmilter_workers',
    help: 'Worker processes, with those that are on their way out',
    registers: [register],
    collect() {
      this.set(supervisor.running);
    },
  });
  const page = createServer(async (_request, response) => {
    const text = (await merged.text()) + (await register.metrics());
    response.setHeader('Content-Type', register.contentType).end(text);
  });

  let stopping = false;
  const stop = async () => {
    if (stopping) return supervisor.kill();
    stopping = true;
    await supervisor.stop();
    page.close().closeAllConnections();
  };
  process.on('SIGHUP', () => void supervisor.restart());
  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => void stop());

  await supervisor.start();
  if (metrics !== undefined && !stopping) page.listen(metrics, '127.0.0.1');
  console.log(`supervisor ${process.pid} has its workers`);
}

/**
 * Serves the filter in a worker until the supervisor says that it is enough.
 *
 * @param {import('rxmilter').Filter} filter
 * @param {string} listen
 */
async function work(filter, listen) {
  const server = await serve(filter, { listen });
  const register = countOutcomes(server.outcomes);
  const report = async () => {
    const metrics = await register.getMetricsAsJSON();
    return new Promise((sent) => process.send?.({ type: 'metrics', metrics }, sent));
  };
  const reports = setInterval(() => void report(), 1000);
  const end = async (/** @type {number} */ grace) => {
    await server.close({ grace });
    clearInterval(reports);
    await report();
    process.exit(0); // also where the filter has a connection open to somewhere
  };
  process.on('message', (/** @type {any} */ message) => {
    if (message?.type === 'stop') void end(message.grace);
  });
  process.on('SIGTERM', () => void end(0));
  // Of what the terminal tells all of them the supervisor makes what is to be done.
  for (const signal of ['SIGINT', 'SIGHUP']) process.on(signal, () => undefined);
  process.send?.({ type: 'ready' });
}

// Started as a program, and not imported:
if (import.meta.filename === realpathSync(process.argv[1] ?? '.')) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      workers: { type: 'string', default: String(availableParallelism()) },
      grace: { type: 'string', default: '60000' },
      metrics: { type: 'string' },
    },
  });
  const [module, listen = 'inet:8891@127.0.0.1'] = positionals;
  if (module === undefined) throw new Error('Which filter? Name a module that exports one as "filter".');
  if (process.env.CLUSTER_WORKER === undefined) {
    await supervise({
      workers: Number(values.workers),
      grace: Number(values.grace),
      metrics: values.metrics === undefined ? undefined : Number(values.metrics),
    });
  } else {
    const { filter } = await import(pathToFileURL(resolve(module)).href);
    await work(filter, listen);
  }
}
