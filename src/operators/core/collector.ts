import { Collection } from '../../message/collection.js';
import type { ResolvedMessageOptions } from '../../message/message-options.js';
import type { BodyMode, Message } from '../../message/message.js';
import type { Site } from '../../session/answer-watch.js';
import type { Body, Eom, Flow, StageEvent } from '../../session/flow.js';
import { turnOf } from '../../session/turn.js';
import { type AnswerInput, Answers } from './answers.js';
import { isRefusal } from './failed-event.js';
import type { MessageContext } from './project-run.js';

/** An `onMessage()` as it was called. */
export interface MessageStep {
  readonly project: MessageProject<BodyMode>;
  readonly options: ResolvedMessageOptions;
  readonly site: Site;
}

/** Decides a message as a whole, or leaves it. It returns nothing, an answer, several, or any of that later. */
export type MessageProject<B extends BodyMode> = (
  message: Message<B>,
  context: MessageContext,
) => AnswerInput<'eom'>;

/** Knows which message is in progress, and what was collected of it. */
export class Collector {
  readonly #options: ResolvedMessageOptions;
  #current: Collection | undefined;
  /** Whether a connection says when the message is over; in a drawing none does. */
  #scoped = false;

  constructor(options: ResolvedMessageOptions) {
    this.#options = options;
  }

  /** The collection that the event belongs to: a new one at MAIL, and at whatever comes first. */
  of(event: StageEvent): Collection {
    if (event.stage === 'mail') this.end();
    return (this.#current ??= this.#begin(event));
  }

  /** The message is over as far as can be seen from here; where a connection knows better, it says when. */
  end(): void {
    const current = this.#current;
    this.#current = undefined;
    if (!this.#scoped) current?.close();
  }

  /** The event of a message that is beyond a limit, with the decision for that. */
  beyond(event: StageEvent): Flow {
    const answers = new Answers(event);
    answers.take(this.#current?.decision);
    return answers.result();
  }

  /** The same for a piece of the body, where it may be said before the end: then the rest need not be sent. */
  refusal(event: Body): Flow | undefined {
    if (this.#current?.beyond !== true || turnOf(event)?.mode !== 'reply') return undefined;
    const flow = this.beyond(event);
    return isRefusal(flow) ? flow : undefined;
  }

  /** A new body for the message is kept as the collected one is, where no filter before this one has said so. */
  keepBodies(eom: Eom): void {
    const turn = turnOf(eom);
    if (turn !== undefined) turn.store ??= this.#options.store;
  }

  #begin(event: StageEvent): Collection {
    const collection = new Collection(this.#options);
    const message = turnOf(event)?.message;
    this.#scoped = message !== undefined;
    message?.onEnd(() => {
      collection.close();
      if (this.#current === collection) this.#current = undefined;
    });
    return collection;
  }
}
