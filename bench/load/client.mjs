import { once } from 'node:events';
import { connect } from 'node:net';

import { frame } from '../mail/wire.mjs';

/** @typedef {import('../mail/plan.mjs').Step} Step @typedef {import('../mail/plan.mjs').Plan} Plan */

const QUIT = frame('Q');
const PATIENCE = 20_000;

// One buffer for the reads of all connections: what arrives is compared before the next read.
const shared = Buffer.allocUnsafeSlow(65536);

/** One connection of a mail server: writes a step, compares each byte that comes back, goes on when all are there. */
export class Client {
  #socket;
  /** @type {(error: Error) => void} */ #fail;
  /** @type {((received: Buffer) => void) | undefined} */ #negotiated;
  /** @type {readonly Step[]} */ #steps = [];
  #step = 0;
  #matched = 0;
  /** @type {(() => void) | undefined} called when the last reply of the steps has arrived */ #done;

  /** @param {import('node:net').NetConnectOpts} endpoint @param {(error: Error) => void} fail */
  constructor(endpoint, fail) {
    this.#fail = fail;
    const onread = { buffer: shared, callback: (/** @type {number} */ size) => this.#received(size) };
    this.#socket = connect({ ...endpoint, onread, noDelay: true });
    this.#socket.on('error', fail);
  }

  /** Offers everything and gives the filter's whole answer. @param {Buffer} offer @returns {Promise<Buffer>} */
  async negotiate(offer) {
    await once(this.#socket, 'connect');
    this.#socket.on('close', () => this.#fail(new Error('the filter closed the connection')));
    this.#socket.write(offer);
    return await new Promise((resolve) => {
      let answer = Buffer.alloc(0);
      this.#negotiated = (received) => {
        answer = Buffer.concat([answer, received]);
        const size = answer.length < 4 ? Infinity : 4 + answer.readUInt32BE(0);
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
    this.#step = this.#matched = 0;
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
    const expect = this.#steps[this.#step]?.expect;
    if (expect === undefined || this.#matched + size > expect.length)
      return this.#deviation(size, 'more than expected');
    for (let at = 0; at < size; at++) {
      if (shared[at] !== expect[this.#matched + at])
        return this.#deviation(size, `not ${expect.toString('hex')}`);
    }
    this.#matched += size;
    if (this.#matched < expect.length) return true;
    this.#matched = 0;
    this.#step += 1;
    if (this.#step < this.#steps.length) this.#socket.write(this.#steps[this.#step].send);
    else this.#done?.();
    return true;
  }

  /** @param {number} size @param {string} why */
  #deviation(size, why) {
    this.#fail(new Error(`step ${this.#step}: the filter sent ${shared.toString('hex', 0, size)}, ${why}`));
    return true;
  }
}
