import { once } from 'node:events';
import { connect } from 'node:net';

import { frame } from '../mail/wire.mjs';

/** @typedef {import('../mail/plan.mjs').Step} Step @typedef {import('../mail/plan.mjs').Plan} Plan */

const QUIT = frame('Q');
const PATIENCE = 20_000;
const LONGEST = 65_536;
const NO_FRAME = 'the filter answers the negotiation with bytes that begin no frame of the milter protocol';

// One buffer for the reads of all connections: what arrives is compared before the next read.
const shared = Buffer.allocUnsafeSlow(65536);

/** @param {import('node:net').NetConnectOpts} endpoint @param {Error} error */
function worded(endpoint, error) {
  const where = 'path' in endpoint ? `unix:${endpoint.path}` : `inet:${endpoint.port}@${endpoint.host}`;
  const { code = '' } = /** @type {NodeJS.ErrnoException} */ (error);
  return ['ENOENT', 'ECONNREFUSED'].includes(code)
    ? new Error(`nothing listens on ${where} (${code})`)
    : error;
}

/** One connection of a mail server: writes a step, lets the answer be judged, goes on when it is complete. */
export class Client {
  #socket;
  /** @type {(error: Error) => void} */ #fail;
  #judge;
  /** @type {((received: Buffer) => void) | undefined} */ #negotiated;
  /** @type {readonly Step[]} */ #steps = [];
  #step = 0;
  /** @type {(() => void) | undefined} called when the last reply of the steps has arrived */ #done;

  /** @param {import('node:net').NetConnectOpts} endpoint @param {import('./exact.mjs').Judge} judge @param {(error: Error) => void} fail */
  constructor(endpoint, judge, fail) {
    this.#fail = fail;
    this.#judge = judge;
    const onread = { buffer: shared, callback: (/** @type {number} */ size) => this.#received(size) };
    this.#socket = connect({ ...endpoint, onread, noDelay: true });
    this.#socket.on('error', (error) => fail(worded(endpoint, error)));
  }

  /** Offers everything and gives the filter's whole answer. @param {Buffer} offer @returns {Promise<Buffer>} */
  async negotiate(offer) {
    await once(this.#socket, 'connect');
    this.#socket.on('close', () =>
      this.#fail(new Error(`the filter closed the connection at ${this.#where()}`)),
    );
    this.#socket.write(offer);
    return await new Promise((resolve) => {
      let answer = Buffer.alloc(0);
      this.#negotiated = (received) => {
        answer = Buffer.concat([answer, received]);
        const size = answer.length < 4 ? Infinity : 4 + answer.readUInt32BE(0);
        if (size < Infinity && size > LONGEST) this.#fail(new Error(NO_FRAME));
        if (answer.length < size) return;
        this.#negotiated = undefined;
        if (answer.length > size) this.#fail(new Error('bytes after the answer to the negotiation'));
        resolve(answer);
      };
    });
  }

  /** @param {Plan} plan @returns {Promise<void>} */
  async open(plan) {
    await new Promise((resolve) => this.run(plan.opening, () => resolve(undefined)));
    this.#socket.write(plan.openingTail);
  }

  /** @param {readonly Step[]} steps @param {() => void} done */
  run(steps, done) {
    this.#steps = steps;
    this.#done = done;
    this.#step = 0;
    this.#judge.begin(steps);
    if (steps.length > 0) this.#socket.write(steps[0].send);
    else done();
  }

  /** Says goodbye and makes sure that no reply was left over: nothing but the end may follow. */
  async quit() {
    this.#steps = [];
    this.#socket.removeAllListeners('close');
    const closed = once(this.#socket, 'close', { signal: AbortSignal.timeout(PATIENCE) });
    this.#socket.end(QUIT);
    await closed;
  }

  /** @param {number} size */
  #received(size) {
    if (this.#negotiated) {
      this.#negotiated(Buffer.from(shared.subarray(0, size)));
      return true;
    }
    try {
      const next = this.#judge.read(shared, size, this.#step);
      if (next === this.#step) return true;
      this.#step = next;
    } catch (error) {
      this.#fail(new Error(`${this.#where()}: ${/** @type {Error} */ (error).message}`));
      return true;
    }
    if (this.#step < this.#steps.length) this.#socket.write(this.#steps[this.#step].send);
    else this.#done?.();
    return true;
  }

  #where() {
    if (this.#negotiated) return 'the negotiation';
    const step = this.#steps[this.#step];
    return step === undefined ? 'a time when no answer was due' : `${step.stage}, step ${this.#step}`;
  }
}
