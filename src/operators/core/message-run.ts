import { incomingMessage } from '../../message/collected-message.js';
import type { ResolvedMessageOptions } from '../../message/message-options.js';
import type { BodyMode, Message } from '../../message/message.js';
import type { Eom, Flow, Reply, StageEvent } from '../../session/flow.js';
import { turnOf } from '../../session/turn.js';
import { Collector } from './collector.js';
import { eventOf } from './derived-turn.js';
import { failedEvent, isFinal } from './failed-event.js';
import { type Downstream, RunningStep } from './step.js';

/** The message whose end is on its way to the step that decides it: a map for each message would cost more. */
export interface MessageSlot {
  eom: Eom | undefined;
  message: Message<BodyMode> | Promise<Message<BodyMode>> | undefined;
}

/** Collects one message after the other. */
export class MessageRun extends RunningStep {
  readonly #options: ResolvedMessageOptions;
  readonly #slot: MessageSlot;
  readonly #collector: Collector;

  constructor(options: ResolvedMessageOptions, slot: MessageSlot, down: Downstream) {
    super(down);
    this.#options = options;
    this.#slot = slot;
    this.#collector = new Collector(options);
  }

  override next(flow: Flow): void {
    if (flow.stage === 'abort' || flow.stage === 'close') {
      this.down.next(flow);
      this.#collector.end();
    } else if (flow.stage === 'eom') {
      this.#onEom(flow);
    } else {
      this.#collect(flow, eventOf(flow));
    }
  }

  /** What was collected is still needed where the last message is being decided. */
  override complete(): void {
    this.down.complete();
  }

  protected override cancel(): void {
    this.#collector.end();
  }

  #collect(flow: StageEvent | Reply, event: StageEvent): void {
    const collection = this.#collector.of(event);
    if (isFinal(flow)) {
      this.down.next(flow);
      return;
    }
    const later = collection.take(event);
    const turn = turnOf(event);
    if (event.stage === 'body' && (collection.enough || collection.beyond)) turn?.releaseBody();
    const refusal = flow.stage === 'body' ? this.#collector.refusal(flow) : undefined;
    if (later === undefined) {
      this.down.next(refusal ?? flow);
      return;
    }
    const resume = turn?.pause();
    void later.then(() => {
      if (turn?.ended !== true) this.down.next(flow);
      resume?.();
    });
  }

  #onEom(eom: Eom): void {
    const collection = this.#collector.of(eom);
    if (collection.beyond) {
      this.down.next(this.#collector.beyond(eom));
      return;
    }
    this.#collector.keepBodies(eom);
    const slot = this.#slot;
    try {
      if (collection.failure !== undefined) throw collection.failure.cause;
      const incoming = incomingMessage(eom, collection, this.#options);
      slot.eom = incoming.eom;
      slot.message = incoming.message;
    } catch (error) {
      this.down.next(failedEvent(eom, error));
      return;
    }
    this.down.next(slot.eom);
    slot.eom = undefined;
    slot.message = undefined;
  }
}
