import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';

import { SMALL_BODY } from '../mail/mail.mjs';
import { CONTINUE, openingOf, preambleOf } from '../mail/plan.mjs';
import { ACTIONS, EVENTS, frame, LEADING_SPACE, optneg, PROTOCOL } from '../mail/wire.mjs';
import { ByteReader } from './byte-reader.mjs';

const BODY_FRAME = 65535;
const HEAD = 5;
const [BODY_LETTER] = Buffer.from('b');
const TEMPLATE = Buffer.concat([frame('B', Buffer.alloc(BODY_FRAME, SMALL_BODY))]);
const TURNED = TEMPLATE.subarray(HEAD).map((byte) => byte ^ 1);

/** A mail server with messages that are too large to be kept: it makes them while it sends, and checks while it reads. */
export class BulkClient {
  #socket;
  #reader;
  #name;
  #protocol = 0;

  /** @param {import('node:net').NetConnectOpts} endpoint @param {string} name 8 characters that its bodies show */
  constructor(endpoint, name) {
    this.#socket = connect({ ...endpoint, noDelay: true });
    this.#reader = new ByteReader(this.#socket);
    this.#name = name;
  }

  async open() {
    await once(this.#socket, 'connect');
    await this.#write(optneg(6, ACTIONS, PROTOCOL));
    const { length } = await this.#reader.frame();
    const answer = await this.#reader.take(length);
    this.#protocol = answer.readUInt32BE(8);
    await this.#follow(openingOf(this.#protocol));
  }

  /** One message of that many bytes; `rewrites`: its body has to come back turned, else its digest. @param {number} size @param {boolean} rewrites */
  async message(size, rewrites) {
    await this.#follow(preambleOf(this.#protocol));
    const hash = createHash('sha256');
    const answered = !(this.#protocol & (EVENTS.body.off | EVENTS.body.silent));
    for (let at = 0; at < size; at += BODY_FRAME) {
      const piece = this.#piece(TEMPLATE, at, Math.min(BODY_FRAME, size - at), HEAD);
      piece.writeUInt32BE(piece.length - 4);
      hash.update(piece.subarray(HEAD));
      await this.#write(piece);
      if (answered) await this.#reader.expect(CONTINUE);
    }
    await this.#write(frame('E'));
    if (rewrites) await this.#newBody(size);
    else await this.#reader.expect(this.#header('X-SHA256', hash.digest('hex')));
    if (!rewrites) await this.#reader.expect(CONTINUE);
    await this.#write(frame('A'));
  }

  async quit() {
    this.#socket.end(frame('Q'));
    await this.#reader.end();
  }

  /** @param {string} name @param {string} value */
  #header(name, value) {
    return frame('h', `${name}\0${this.#protocol & LEADING_SPACE ? ' ' : ''}${value}\0`);
  }

  /** Reads a body that has to be the one that was sent, turned, in frames of whatever size, and the final answer. @param {number} size */
  async #newBody(size) {
    let at = 0;
    for (;;) {
      const { letter, length } = await this.#reader.frame();
      const data = await this.#reader.take(length);
      if (letter !== BODY_LETTER) {
        if (at !== size || !frame(String.fromCharCode(letter), data).equals(CONTINUE))
          throw new Error(
            `after ${at} of ${size} bytes of body: ${String.fromCharCode(letter)}, ${length} bytes`,
          );
        return;
      }
      for (let done = 0; done < length;) {
        const start = Math.floor(at / BODY_FRAME) * BODY_FRAME;
        const expected = this.#piece(TURNED, start, BODY_FRAME, 0, 1).subarray(at - start, size - start);
        const part = data.subarray(done, done + expected.length);
        if (!expected.subarray(0, part.length).equals(part)) throw new Error(`another body from ${at} on`);
        at += part.length;
        done += part.length;
        if (part.length === 0) throw new Error(`a body of more than ${size} bytes`);
      }
    }
  }

  /** The body from `at` on, behind `head` bytes: with the place and the name of the connection in it. */
  #piece(
    /** @type {Uint8Array} */ template,
    /** @type {number} */ at,
    /** @type {number} */ size,
    head = 0,
    turn = 0,
  ) {
    const piece = Buffer.allocUnsafe(head + size);
    piece.set(template.subarray(0, head + size));
    const mark = Buffer.from(`${at.toString(16).padStart(12, '0')} ${this.#name} `).map(
      (byte) => byte ^ turn,
    );
    piece.set(mark.subarray(0, size), head);
    return piece;
  }

  /** @param {{ steps: readonly import('../mail/plan.mjs').Step[], tail: Buffer }} script */
  async #follow({ steps, tail }) {
    for (const { send, expect } of steps) {
      await this.#write(send);
      await this.#reader.expect(expect);
    }
    if (tail.length > 0) await this.#write(tail);
  }

  /** @param {Uint8Array} bytes */
  async #write(bytes) {
    if (!this.#socket.write(bytes)) await once(this.#socket, 'drain');
  }
}
