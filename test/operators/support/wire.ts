import type { OperatorFunction, Subscription } from 'rxjs';
import { sink, type Flow, type SessionOptions, type Outcome } from 'rxmilter';

import { ConnectedSession } from '../../../src/operators/core/session.js';
import { Connection } from '../../../src/session/connection/connection.js';
import { resolveOptions } from '../../../src/session/options.js';
import { commandCodec, type Command } from '../../../src/transport/wire/commands.js';
import { FrameReader } from '../../../src/transport/wire/frame-reader.js';
import { replyCodec, type WireReply } from '../../../src/transport/wire/replies.js';
import { lend } from '../../support/session-link.js';

/** Every right and every protocol flag of version 6. */
export const OFFER = { type: 'optneg', version: 6, actions: 0x1ff, protocol: 0x1fffff, lists: [] } as const;

/** An MTA that is nothing but bytes in memory, and the session that it has. */
export class Wire {
  readonly session: ConnectedSession;
  /** Every byte that the filter's side wrote. */
  readonly bytes: Buffer[] = [];
  readonly outcomes: Outcome[] = [];
  readonly errors: unknown[] = [];
  ended = false;
  destroyed = false;
  completed = false;
  #connection: Connection;
  #subscription: Subscription | undefined;
  #read = 0;

  constructor(options: SessionOptions = {}) {
    this.#connection = new Connection(
      {
        write: (bytes) => {
          this.bytes.push(Buffer.from(bytes));
          return true;
        },
        pause: () => undefined,
        resume: () => undefined,
        end: () => void (this.ended = true),
        destroy: () => void (this.destroyed = true),
      },
      resolveOptions(options),
      {
        watched: () => true,
        outcome: (outcome) => this.session.outcome(outcome),
        ended: () => this.session.ended(),
      },
    );
    this.session = new ConnectedSession(this.#connection);
  }

  /** Subscribes to the pipeline `session.events.pipe(filter, sink(session))`. */
  pipe(filter: OperatorFunction<Flow, Flow>): this {
    this.#subscription = this.session.events.pipe(filter, sink(this.session)).subscribe({
      next: (outcome) => this.outcomes.push(outcome),
      error: (error: unknown) => this.errors.push(error),
      complete: () => (this.completed = true),
    });
    return this;
  }

  unsubscribe(): void {
    this.#subscription?.unsubscribe();
  }

  /** Says something as the MTA, each command in a chunk of its own; gives the answers that have come since the last call. */
  say(...commands: readonly (Command | Command['type'])[]): readonly WireReply[] {
    for (const command of commands) {
      lend(this.#connection, commandCodec.encode(typeof command === 'string' ? PLAIN[command] : command));
    }
    return this.heard();
  }

  /** The MTA hangs up. */
  hangUp(): void {
    this.#connection.eof();
  }

  /** The answers that have come since the last call. */
  heard(): readonly WireReply[] {
    const replies = repliesOf(this.bytes);
    const fresh = replies.slice(this.#read);
    this.#read = replies.length;
    return fresh;
  }

  /** Says something, and gives the texts of the refusals that come of it. */
  texts(...commands: readonly Command['type'][]): readonly string[] {
    return this.say(...commands).flatMap((reply) => (reply.type === 'replycode' ? [reply.text] : []));
  }
}

/** What the MTA says of each kind where only the kind matters. */
const PLAIN: { readonly [T in Command['type']]: Extract<Command, { type: T }> } = {
  optneg: OFFER,
  connect: { type: 'connect', host: 'client.example', family: 'inet', port: 40_025, address: '192.0.2.1' },
  helo: { type: 'helo', text: 'client.example' },
  mail: { type: 'mail', address: '<sender@example.org>', args: [] },
  rcpt: { type: 'rcpt', address: '<rcpt@example.org>', args: [] },
  data: { type: 'data' },
  header: { type: 'header', name: 'Subject', value: 'hello' },
  eoh: { type: 'eoh' },
  body: { type: 'body', data: Buffer.from('hello\r\n') },
  eom: { type: 'eom', data: Buffer.alloc(0) },
  unknown: { type: 'unknown', text: 'XYZZY' },
  abort: { type: 'abort' },
  quit: { type: 'quit' },
  quitNc: { type: 'quitNc' },
  macro: { type: 'macro', target: 'M', macros: [['i', 'queue-id']] },
};

function repliesOf(bytes: readonly Buffer[]): WireReply[] {
  const replies: WireReply[] = [];
  const reader = new FrameReader(
    {
      // What is told is the text; where there are its bytes beside it they are left out.
      frame: (letter, data, start, end) =>
        replies.push({
          ...replyCodec.decode(letter, data, start, end),
          raw: undefined,
        } as object as WireReply),
      part: () => undefined,
    },
    replyCodec.known,
    65_535,
    '',
  );
  for (const chunk of bytes) reader.push(chunk);
  return replies;
}
