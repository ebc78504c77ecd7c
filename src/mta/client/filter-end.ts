import { Duplex } from 'node:stream';
import type { OperatorFunction } from 'rxjs';

import { type Rules, checkOptions, func, number, object, or, required } from '../../common/options.js';
import { attach } from '../../operators/core/chain.js';
import { stepsOf, tagsOf } from '../../operators/core/filter.js';
import type { ConnectionIo } from '../../session/connection/boundary.js';
import { Connection } from '../../session/connection/connection.js';
import type { Flow } from '../../session/flow.js';
import { SESSION_RULES, type SessionOptions, resolveOptions } from '../../session/options.js';
import type { Outcome } from '../../session/outcome.js';

/** How bytes are cut on their way: not at all, byte by byte, or at random places by a seed. */
export type Chunking = 'whole' | 'bytes' | { readonly seed: number };

/** How a filter is run that an MTA is connected to without a socket. */
export interface FilterEndOptions {
  /** The options that `serve()` would get. */
  readonly session?: SessionOptions | undefined;
  /** How the bytes are cut on their way, in both directions. Default: not at all. */
  readonly chunks?: Chunking | undefined;
  /** Gets the outcome of each event, and each error. */
  readonly outcome?: ((outcome: Outcome) => void) | undefined;
}

export const FILTER_END_RULES: Rules<FilterEndOptions> = {
  session: object(SESSION_RULES),
  chunks: or(object({ seed: required(number(-Infinity)) }), 'whole', 'bytes'),
  outcome: func,
};

/**
 * Runs a filter at the other end of a stream: the real session and the real bytes, without a socket.
 *
 * @remarks
 * The filter has seen the bytes when `write` returns, unless it is still busy with earlier ones. Ending the stream is
 * the MTA closing its end; destroying it is a connection that is lost.
 *
 * @example const stream = filterEnd(on('rcpt', () => reject()));
 */
export function filterEnd(filter: OperatorFunction<Flow, Flow>, options: FilterEndOptions = {}): Duplex {
  checkOptions('filterEnd()', options, FILTER_END_RULES);
  const { chunks = 'whole', outcome, session = {} } = options;
  const end = new FilterEnd(chunks);
  const connection = new Connection(end, resolveOptions(session), {
    watched: () => outcome !== undefined,
    outcome: (one) => outcome?.(one),
    ended: () => undefined,
  });
  end.connection = connection;
  const steps = stepsOf(filter);
  attach(connection, { steps, tags: tagsOf(steps) });
  return end.stream;
}

class FilterEnd implements ConnectionIo {
  readonly stream: Duplex;
  connection: Connection | undefined;
  readonly #cut: (bytes: Buffer) => readonly Buffer[];
  /** Ends the write that waits while the session is paused. */
  #held: (() => void) | undefined;
  #paused = false;
  #full = false;
  #over = false;

  constructor(chunks: Chunking) {
    this.#cut = cutter(chunks);
    this.stream = new Duplex({
      allowHalfOpen: false,
      read: () => {
        if (!this.#full) return;
        this.#full = false;
        this.connection?.drained();
      },
      write: (bytes: Buffer, _encoding, done) => {
        // A copy: the filter may keep it, and the writer may use its buffer again.
        for (const piece of this.#cut(Buffer.from(bytes))) this.connection?.receive(piece);
        if (this.#paused) this.#held = done;
        else done();
      },
      final: (done) => {
        this.connection?.eof();
        done();
      },
      destroy: (error, done) => {
        this.connection?.eof();
        done(error);
      },
    });
  }

  write(bytes: Uint8Array): boolean {
    if (this.#over) return true;
    for (const piece of this.#cut(Buffer.from(bytes))) this.#full = !this.stream.push(piece);
    return !this.#full;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    const held = this.#held;
    this.#held = undefined;
    held?.();
  }

  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.stream.push(null);
    this.resume();
  }

  destroy(): void {
    this.#over = true;
    this.stream.destroy();
  }
}

export function cutter(chunking: Chunking): (bytes: Buffer) => readonly Buffer[] {
  if (chunking === 'whole') return (bytes) => [bytes];
  if (chunking === 'bytes') return (bytes) => Array.from(bytes, (_byte, at) => bytes.subarray(at, at + 1));
  let state = chunking.seed >>> 0;
  return (bytes) => {
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length;) {
      // A linear congruential generator modulo 2^32.
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      // Mostly short ones: a length that is a power of two, as likely as any other.
      const length = 1 + Math.floor(2 ** ((state / 2 ** 32) * 12));
      pieces.push(bytes.subarray(at, at + length));
      at += length;
    }
    return pieces;
  };
}
