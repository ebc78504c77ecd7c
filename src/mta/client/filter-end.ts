import { Duplex } from 'node:stream';
import type { OperatorFunction } from 'rxjs';

import { checkOptions } from '../../common/options.js';
import { attach } from '../../operators/core/chain.js';
import { stepsOf, tagsOf } from '../../operators/core/filter.js';
import type { ConnectionIo } from '../../session/connection/boundary.js';
import { Connection } from '../../session/connection/connection.js';
import type { Flow } from '../../session/flow.js';
import { resolveOptions, type SessionOptions } from '../../session/options.js';
import type { Outcome } from '../../session/outcome.js';
import { FILTER_END_RULES } from '../simulate/option-rules.js';
import { cutter, type Chunking } from './chunking.js';

/** How a filter is run that an MTA is connected to without a socket. */
export interface FilterEndOptions {
  /** What `serve()` would be told. */
  readonly session?: SessionOptions | undefined;
  /** How the bytes are cut on their way, in both directions. Default: not at all. */
  readonly chunks?: Chunking | undefined;
  /** Gets what became of each event, and what went wrong. */
  readonly outcome?: ((outcome: Outcome) => void) | undefined;
}

/**
 * A filter at the other end of a stream: the real session and the real bytes, without a socket. What is written to it
 * the filter has seen when `write` returns, unless it is still about what came before.
 *
 * Ending it is the MTA closing its end; destroying it is a connection that is lost. Throws what wrong options throw.
 *
 * @example const stream = filterEnd(on('rcpt', () => reject()));
 */
export function filterEnd(filter: OperatorFunction<Flow, Flow>, options: FilterEndOptions = {}): Duplex {
  checkOptions('filterEnd()', options, FILTER_END_RULES);
  const end = new FilterEnd(options.chunks ?? 'whole');
  const { outcome, session = {} } = options;
  const connection = new Connection(end, resolveOptions(session), {
    watched: outcome !== undefined,
    outcome: (one) => outcome?.(one),
    ended: () => undefined,
  });
  end.connection = connection;
  const steps = stepsOf(filter);
  attach(connection, { steps, tags: tagsOf(steps) });
  return end.stream;
}

/** What a socket is elsewhere. */
class FilterEnd implements ConnectionIo {
  readonly stream: Duplex;
  connection: Connection | undefined;
  readonly #cut: (bytes: Buffer) => readonly Buffer[];
  /** What goes on with the write that has to wait, where one does. */
  #held: (() => void) | undefined;
  #paused = false;
  #full = false;
  #over = false;

  constructor(chunks: Chunking) {
    this.#cut = cutter(chunks);
    this.stream = new Duplex({
      allowHalfOpen: false,
      decodeStrings: true,
      read: () => {
        if (!this.#full) return;
        this.#full = false;
        this.connection?.drained();
      },
      write: (bytes: Buffer, _encoding, done) => {
        // What the filter keeps of it must not change with the writer's buffer.
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
