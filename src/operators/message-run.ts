import { Collection } from '../message/collection.js';
import { incomingMessage, newBody } from '../message/incoming-message.js';
import type { ResolvedMessageOptions } from '../message/message-options.js';
import type { BodyMode } from '../message/message-body.js';
import type { Eom, Flow, StageEvent } from '../session/flow.js';
import { turnOf, type Turn } from '../session/turn.js';
import { stepsOf } from './filter.js';
import type { MessageProject } from './on-message.js';
import { on } from './on.js';
import type { Downstream, Upstream } from './step.js';

/** Collects one message after the other, and has each decided at its end. */
export class MessageRun implements Upstream {
  readonly #options: ResolvedMessageOptions;
  readonly #down: Downstream;
  /** Answers at the end of the message, with all that `on()` does for its project. */
  readonly #decider: Upstream;
  #current: Collection | undefined;

  constructor(project: MessageProject<BodyMode>, options: ResolvedMessageOptions, down: Downstream) {
    this.#options = options;
    this.#down = down;
    const [step] = stepsOf(
      on('eom', (eom, context) => {
        const collection = this.#collection(eom);
        if (collection.failure !== undefined) throw collection.failure.cause;
        if (collection.beyond && options.beyond !== 'truncate') return options.beyond;
        const message = incomingMessage(eom, collection, options);
        return message instanceof Promise
          ? message.then((whole) => project(whole, context) as never)
          : project(message, context);
      }),
    );
    this.#decider = step?.open(down) ?? down as never;
  }
}
