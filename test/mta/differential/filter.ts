import {
  compose,
  observe,
  on,
  perConnection,
  type Answer,
  type Filter,
  type MilterEvent,
  type Stage,
  type StageEvent,
} from 'rxmilter';

import { instructionsIn } from './support/instructions.js';
import { Notes } from './support/notes.js';
import { perform } from './support/perform.js';

/** The filter of the differential test on rxmilter; `filter.c` is the same on libmilter. */
export function filter(decided: readonly Stage[], observed: readonly Stage[]): Filter {
  return perConnection(() => {
    const run = new Run();
    return compose(
      ...observed.map((stage) => observe(stage, (event) => run.see(event))),
      ...decided.map((stage) =>
        on(stage, function* (event): Generator<Answer<Stage>> {
          run.see(event);
          // What is not legal at its stage is left to the library to find.
          yield* run.answers(event) as Generator<Answer<Stage>>;
        }),
      ),
      observe('abort', (event) => run.see(event)),
    );
  });
}

interface Waiting {
  readonly words: readonly string[];
  readonly ofMessage: boolean;
}

/** What is kept for a connection. */
class Run {
  readonly #notes = new Notes();
  #queue: Waiting[] = [];

  see(event: MilterEvent): void {
    const notes = this.#notes;
    switch (event.stage) {
      case 'connect':
        // libmilter does not tell the port of a Unix socket.
        notes.add(
          'connect',
          event.raw,
          event.family,
          event.family === 'unix' ? '0' : `${event.port}`,
          event.address,
        );
        return this.#learn(event.raw, false);
      case 'helo':
        notes.add('helo', event.raw);
        return this.#learn(event.raw, false);
      case 'mail':
        this.#queue = this.#queue.filter(({ ofMessage }) => !ofMessage);
        return this.#envelope('mail', event.raw, event.args);
      case 'rcpt':
        return this.#envelope('rcpt', event.raw, event.args);
      case 'header':
        notes.add('header', event.name, event.raw);
        return this.#learn(event.raw, true);
      case 'body':
        return notes.body(event.chunk);
      case 'unknown':
        notes.add('unknown', event.raw);
        return this.#learn(event.raw, true);
      default:
        return notes.add(event.stage);
    }
  }

  /** Takes the instructions of the stage out of the queue, as far as it is asked for more. */
  *answers(event: StageEvent): Generator {
    for (;;) {
      const at = this.#queue.findIndex(({ words }) => words[0] === event.stage);
      const [, verb = '', ...args] = this.#queue.splice(at, at === -1 ? 0 : 1)[0]?.words ?? [];
      if (at === -1) return;
      if (verb === 'seen') {
        yield perform('add', ['X-Seen', this.#notes.take()]);
      } else if (verb === 'macro') {
        const [name = ''] = args;
        const value = event.session.macros.get(name);
        this.#notes.add('macro', name, value ?? '', value === undefined ? 'absent' : 'present');
      } else {
        yield perform(verb, args);
      }
    }
  }

  #envelope(stage: string, address: Uint8Array, args: readonly string[]): void {
    this.#notes.add(stage, address);
    this.#learn(address, true);
    for (const arg of args) {
      this.#notes.add('arg', arg);
      this.#learn(Buffer.from(arg), true);
    }
  }

  #learn(text: Uint8Array, ofMessage: boolean): void {
    const found = instructionsIn(Buffer.from(text).toString('latin1'));
    this.#queue.push(...found.map((words) => ({ words, ofMessage })));
  }
}
