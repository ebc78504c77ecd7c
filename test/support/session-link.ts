import type { OperatorFunction, Subscription } from 'rxjs';
import { sink, type Flow, type SessionOptions, type Outcome } from 'rxmilter';
import { onTestFinished } from 'vitest';

import { ConnectedSession } from '../../src/operators/core/session.js';
import { Connection } from '../../src/session/connection/connection.js';
import { resolveOptions } from '../../src/session/options.js';
import { bytesOf, framesIn, type Bytes } from './session-frames.js';
import { MemoryIo } from './session-memory-io.js';

/** Has a connection read bytes as from the buffer that all sockets share: it has others by the next read. */
export function lend(connection: Connection, bytes: Buffer): void {
  const lent = Buffer.from(bytes);
  connection.receive(lent, true);
  lent.fill(0xaa);
}

/** A connection without a socket: bytes go in and come out of it at once. */
export class Link {
  readonly io = new MemoryIo();
  readonly connection: Connection;
  readonly session: ConnectedSession;
  /** What the sink emitted. */
  readonly outcomes: Outcome[] = [];
  /** Whether the sink has completed. */
  completed = false;
  readonly subscription: Subscription;
  #read = 0;

  constructor(filter: OperatorFunction<Flow, Flow>, options: SessionOptions = {}) {
    this.connection = new Connection(this.io, resolveOptions(options), {
      watched: () => true,
      outcome: (outcome) => this.session.outcome(outcome),
      ended: () => this.session.ended(),
    });
    this.session = new ConnectedSession(this.connection);
    this.subscription = this.session.events.pipe(filter, sink(this.session)).subscribe({
      next: (outcome) => this.outcomes.push(outcome),
      error: (error: unknown) => {
        throw new Error('A sink never errors.', { cause: error });
      },
      complete: () => (this.completed = true),
    });
  }

  /** The MTA says something, in one piece. */
  send(...what: readonly Bytes[]): void {
    lend(this.connection, bytesOf(...what));
  }

  /** The frames that the MTA was sent since this was last asked, in hexadecimal. */
  heard(): string[] {
    const all = Buffer.concat(this.io.writes);
    const fresh = all.subarray(this.#read);
    this.#read = all.length;
    return framesIn(fresh);
  }

  /** The MTA says something; what it was sent for that. */
  ask(...what: readonly Bytes[]): string[] {
    this.send(...what);
    return this.heard();
  }

  /** What went wrong. */
  get errors(): Error[] {
    return this.outcomes.flatMap(({ error }) => (error === undefined ? [] : [error]));
  }
}

/** A link that lasts as long as the test. */
export function link(filter: OperatorFunction<Flow, Flow>, options: SessionOptions = {}): Link {
  const made = new Link(filter, options);
  onTestFinished(() => made.connection.destroy());
  return made;
}

/** The same, with a full offer of version 6 made and answered. */
export function opened(filter: OperatorFunction<Flow, Flow>, options: SessionOptions = {}): Link {
  const made = link(filter, options);
  made.ask('C01');
  return made;
}
