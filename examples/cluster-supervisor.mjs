// @ts-check
import { EventEmitter } from 'node:events';

/**
 * A worker process: what `child_process.fork()` gives has all of this. It sends `{ type: 'ready' }` once it serves, is
 * sent `{ type: 'stop', grace }`, and then ends.
 *
 * @typedef {object} Child
 * @property {number | undefined} [pid]
 * @property {(message: object) => unknown} send
 * @property {(signal: NodeJS.Signals) => unknown} kill
 * @property {boolean} connected
 * @property {(event: 'message' | 'error', listener: (given: any) => void) => unknown} on
 * @property {(event: 'exit' | 'disconnect', listener: (code: number | null, signal: string | null) => void) => unknown} once
 */

/**
 * @typedef {object} Worker
 * @property {Child} child
 * @property {Promise<void>} ready rejects where it ends before, or takes too long
 * @property {Promise<string>} ended with the reason; never rejects
 */

/** @typedef {{ worker: Worker | undefined, failures: number, wake: () => void }} Slot */

/**
 * Keeps a number of workers running. All times are in milliseconds.
 *
 * @typedef {object} SupervisorOptions
 * @property {() => Child} fork starts a worker
 * @property {number} workers how many
 * @property {number} [grace] how long the old workers go on with connections that are open, at a restart
 * @property {number} [readyWithin] after which a worker that does not serve has failed
 * @property {number} [endWithin] after which a worker that was told to stop is killed, beyond the grace; has to be more
 * than the `drainTimeout` of `serve()`
 * @property {number} [silentFor] after which a worker that serves, and of which nothing was heard, is killed: it hangs,
 * with the connections that it has; has to be more than the time between its messages. Default: no limit
 * @property {number} [first] the pause after a first crash; it doubles with each crash that follows
 * @property {number} [longest] the longest pause
 * @property {number} [steady] after so long a worker counts as sound, and its end as a first crash
 * @property {(message: any, child: Child) => void} [onMessage] gets all that workers send
 * @property {(child: Child) => void} [onEnd] called when there is nothing more to come from it
 * @property {(line: string) => void} [log]
 */

export class Supervisor {
  /** @type {Required<SupervisorOptions>} */
  #options;
  /** @type {Slot[]} */
  #slots;
  /** @type {Set<Worker>} */
  #running = new Set();
  /** @type {Promise<void> | undefined} */
  #restarting;
  #stopping = false;

  /** @param {SupervisorOptions} options */
  constructor(options) {
    this.#options = {
      grace: 60_000,
      readyWithin: 30_000,
      endWithin: 40_000,
      silentFor: Infinity,
      first: 200,
      longest: 30_000,
      steady: 60_000,
      onMessage: () => undefined,
      onEnd: () => undefined,
      log: console.log,
      ...options,
    };
    this.#slots = Array.from({ length: this.#options.workers }, () => ({
      worker: undefined,
      failures: 0,
      wake: () => undefined,
    }));
  }

  /** How many workers there are, with those that are on their way out. */
  get running() {
    return this.#running.size;
  }

  /** Resolves when all workers serve. Rejects where one does not, and then none is left: what is wrong is not passing. */
  async start() {
    const workers = this.#slots.map((slot) => ({ slot, worker: this.#begin() }));
    this.#restarting = Promise.all(workers.map(({ worker }) => worker.ready)).then(() => undefined);
    try {
      await this.#restarting;
    } catch (error) {
      await this.stop();
      throw error;
    } finally {
      this.#restarting = undefined;
    }
    for (const { slot, worker } of workers) this.#keep(slot, worker);
  }

  /**
   * Replaces the workers, one after the other: a new one serves before the old one accepts nobody any more. Where a new
   * one fails, the rest of the old ones stay. Does nothing while it is being done, or while the first ones start.
   */
  restart() {
    this.#restarting ??= this.#restart().finally(() => (this.#restarting = undefined));
    return this.#restarting;
  }

  async #restart() {
    for (const slot of this.#slots) {
      if (this.#stopping) return;
      const worker = this.#begin();
      try {
        await worker.ready;
      } catch (error) {
        this.#options.log(`restart given up, the others stay as they are: ${String(error)}`);
        return;
      }
      const old = slot.worker;
      this.#keep(slot, worker);
      if (old !== undefined) this.#end(old, this.#options.grace);
    }
    this.#options.log('restarted');
  }

  /** Has all workers finish the messages in progress; resolves when they have ended. */
  async stop() {
    this.#stopping = true;
    for (const slot of this.#slots) slot.wake();
    await Promise.all([...this.#running].map((worker) => this.#end(worker, 0)));
  }

  /** Ends everything at once. */
  kill() {
    this.#stopping = true;
    for (const { child } of this.#running) child.kill('SIGKILL');
  }

  /** @returns {Worker} */
  #begin() {
    const { fork, readyWithin, silentFor, log, onMessage, onEnd } = this.#options;
    const child = forked(fork);
    /** @type {Promise<string>} */
    const ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve(signal ?? `status ${code}`));
      child.on('error', (error) => {
        // One that has never begun has no other end. To one that has just died nothing can be sent any more.
        if (child.pid === undefined) resolve(String(error));
        else log(`worker ${child.pid}: ${String(error)}`);
      });
    });
    /** @type {NodeJS.Timeout | undefined} */
    let silence;
    const heard = () => {
      clearTimeout(silence);
      if (silentFor === Infinity) return;
      silence = setTimeout(() => {
        log(`worker ${child.pid} is silent`);
        child.kill('SIGKILL');
      }, silentFor);
    };
    /** @type {Promise<void>} */
    const ready = new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        child.kill('SIGKILL');
        reject(new Error(`worker ${child.pid} did not serve within ${readyWithin} ms`));
      }, readyWithin);
      child.on('message', (message) => {
        if (message?.type === 'ready') {
          clearTimeout(late);
          log(`worker ${child.pid} serves`);
          resolve();
        }
        heard();
        onMessage(message, child);
      });
      void ended.then((reason) => {
        clearTimeout(late);
        reject(new Error(`worker ${child.pid} ended before it served: ${reason}`));
      });
    });
    ready.catch(() => undefined); // whoever waits for it is told
    const worker = { child, ready, ended };
    this.#running.add(worker);
    void ended.then((reason) => {
      clearTimeout(silence);
      this.#running.delete(worker);
      log(`worker ${child.pid ?? 'that was to be'} ended: ${reason}`);
      // What it sent before may still be under way.
      if (child.connected) child.once('disconnect', () => onEnd(child));
      else onEnd(child);
    });
    return worker;
  }

  /**
   * Gives the place to that worker, and to another when it ends, until somebody else has the place.
   *
   * @param {Slot} slot
   * @param {Worker} first
   */
  async #keep(slot, first) {
    const { first: pause, longest, steady, log } = this.#options;
    slot.wake();
    slot.failures = 0;
    for (let worker = first; ;) {
      slot.worker = worker;
      const begin = Date.now();
      await worker.ended;
      if (this.#stopping || slot.worker !== worker) return;
      slot.failures = Date.now() - begin >= steady ? 0 : slot.failures;
      const delay = Math.min(longest, pause * 2 ** slot.failures++);
      log(`another one in ${delay} ms`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, delay);
        slot.wake = () => (clearTimeout(timer), resolve(undefined));
      });
      if (this.#stopping || slot.worker !== worker) return;
      worker = this.#begin();
    }
  }

  /**
   * @param {Worker} worker
   * @param {number} grace
   */
  async #end({ child, ended }, grace) {
    if (child.connected) child.send({ type: 'stop', grace });
    else child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), grace + this.#options.endWithin);
    await ended;
    clearTimeout(late);
  }
}

/**
 * A worker, or what takes its place where the system is out of processes or memory: it ends at once, and another one is
 * tried later. The others are not to end for that.
 *
 * @param {() => Child} fork
 * @returns {Child}
 */
function forked(fork) {
  try {
    return fork();
  } catch (error) {
    const none = new EventEmitter();
    process.nextTick(() => none.emit('error', error));
    return Object.assign(none, { pid: undefined, connected: false, send: () => false, kill: () => false });
  }
}
