// @ts-check
// npm install rxmilter rxjs prom-client
// node cluster.mjs [--workers 4] [--grace 60000] [--metrics 9100] filter.mjs [inet:8891@127.0.0.1]
import { fork } from 'node:child_process';
import cluster from 'node:cluster';
import { once } from 'node:events';
import { realpathSync } from 'node:fs';
import { createServer } from 'node:http';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import promClient from 'prom-client';
import { compose, inheritedSockets, serve } from 'rxmilter';

import { MergedMetrics } from './cluster-metrics.mjs';
import { Supervisor } from './cluster-supervisor.mjs';
import { mailMetrics } from './metrics-counts.mjs';

const { Counter, Gauge, Registry } = promClient;

/**
 * Runs the filter of a module in several processes that accept from the same socket.
 *
 * SIGHUP replaces them one by one, without a mail that is deferred; SIGTERM and SIGINT let messages in progress finish; a
 * second one does not. Should the supervisor itself be killed, its workers end, and the MTA keeps the mail for later. On
 * a Unix socket, and for a socket that outlives all processes, let systemd open it: see `inheritedSockets()`.
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
  const supervisor = new Supervisor({
    fork: startWorker,
    workers,
    grace,
    silentFor: 30_000, // they report every second
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
    try {
      const text = (await merged.text()) + (await register.metrics());
      response.setHeader('Content-Type', register.contentType).end(text);
    } catch (error) {
      response.writeHead(500).end(String(error)); // which is no reason to end the workers
    }
  });

  let stopping = false;
  const stop = async () => {
    if (stopping) return supervisor.kill();
    stopping = true;
    await supervisor.stop();
    page.close().closeAllConnections(); // the metrics stay until the last message is through
  };
  process.on('SIGHUP', () => void supervisor.restart());
  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => void stop());

  if (metrics !== undefined) await once(page.listen(metrics, '127.0.0.1'), 'listening');
  try {
    await supervisor.start();
    console.log(`supervisor ${process.pid} has its workers`);
  } catch (error) {
    page.close();
    throw error;
  }
}

/**
 * Starts a process of the same program, which accepts by itself: a worker that hangs takes no connection, and one that
 * is killed loses none but its own. Handed out in turn they would go by way of this process, and one that is under way
 * to a dead worker would be stuck.
 */
function startWorker() {
  const environment = { ...process.env, CLUSTER_WORKER: '1' };
  const inherited = process.env.LISTEN_PID === String(process.pid) ? Number(process.env.LISTEN_FDS) : 0;
  if (inherited > 0) {
    // Sockets of systemd, from the third descriptor on: connections wait in them even while there is no worker at all.
    const sockets = Array.from({ length: inherited }, (_none, at) => 3 + at);
    const stdio = ['ignore', 'inherit', 'inherit', ...sockets, 'ipc'];
    return fork(import.meta.filename, process.argv.slice(2), {
      env: environment,
      stdio: /** @type {import('node:child_process').StdioOptions} */ (stdio),
    });
  }
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  const worker = cluster.fork(environment);
  worker.on('error', () => undefined); // the supervisor hears it from the process
  return worker.process;
}

/**
 * Serves the filter in a worker until the supervisor says that it is enough.
 *
 * @param {import('rxmilter').Filter} filter
 * @param {string} listen
 */
async function work(filter, listen) {
  const register = new Registry();
  const metrics = mailMetrics(register);
  // What the supervisor was started with is now this process's.
  if (process.env.LISTEN_FDS !== undefined) process.env.LISTEN_PID = String(process.pid);
  const [socket = listen] = await inheritedSockets();
  const server = await serve(compose(metrics.filter, filter), { listen: socket });
  server.outcomes.subscribe((outcome) => metrics.count(outcome));
  const report = async () => {
    const metrics = await register.getMetricsAsJSON();
    if (process.connected) await new Promise((sent) => process.send?.({ type: 'metrics', metrics }, sent));
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
  process.on('disconnect', () => void end(0));
  // Of what the terminal tells all of them the supervisor makes what is to be done.
  for (const signal of ['SIGINT', 'SIGHUP']) process.on(signal, () => undefined);
  process.send?.({ type: 'ready' });
}

/**
 * @param {string} option
 * @param {string} text
 * @param {number} least
 */
function numberOf(option, text, least) {
  const number = Number(text);
  if (Number.isInteger(number) && number >= least && text.trim() !== '') return number;
  throw new RangeError(`--${option} is "${text}". It has to be a whole number from ${least} on.`);
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
  if (module === undefined) throw new Error('Which filter? Name a module whose default export is one.');
  if (process.env.CLUSTER_WORKER === undefined) {
    await supervise({
      workers: numberOf('workers', values.workers, 1),
      grace: numberOf('grace', values.grace, 0),
      metrics: values.metrics === undefined ? undefined : numberOf('metrics', values.metrics, 0),
    });
  } else {
    const { default: given } = await import(pathToFileURL(resolve(module)).href);
    // As with `rxmilter serve`: a filter, or a function without parameters that makes one.
    const filter = given.length === 0 ? await given() : given;
    await work(filter, listen);
  }
}
