import { incomingMessage } from '../../message/collected-message.js';
import type { ResolvedMessageOptions } from '../../message/message-options.js';
import type { BodyMode, Message } from '../../message/message.js';
import { shareWatch } from '../../session/answer-watch.js';
import type { Eom, Flow, Reply, StageEvent } from '../../session/flow.js';
import { turnOf } from '../../session/turn.js';
import { type Project, onFrom } from '../on.js';
import { EnclosingStep } from './chain.js';
import { Collector, type MessageStep } from './collector.js';
import { failedEvent, isFinal } from './failed-event.js';
import { stepsOf } from './filter.js';
import type { Downstream, Upstream } from './step.js';

/** Collects one message after the other, and has each decided at its end. */
export class MessageRun extends EnclosingStep {
  readonly #options: ResolvedMessageOptions;
  readonly #collector: Collector;
  /** Answers at the end of a message, with all that `on()` does for its project. */
  readonly #decider: Upstream;
  /** What the decider is about to ask for. */
  #ready: Message<BodyMode> | Promise<Message<BodyMode>> | undefined;

  constructor({ project, options, site }: MessageStep, down: Downstream) {
    super(down);
    this.#options = options;
    this.#collector = new Collector(options);
    const decide: Project<'eom'> = (eom, context) => {
      const message = this.#ready;
      this.#ready = undefined;
      if (message === undefined) return undefined;
      // A promise of a stream or of a generator is driven like them, which the type of answers does not say.
      return message instanceof Promise
        ? (message.then((whole) =>
            turnOf(eom)?.ended === true ? undefined : project(whole, context),
          ) as ReturnType<Project<'eom'>>)
        : project(message, context);
    };
    shareWatch(decide, project);
    this.#decider = this.enclose(stepsOf(onFrom(site, 'eom', [decide])), (flow) => {
      this.down.next(flow);
    });
  }

  override next(flow: Flow): void {
    const event = flow.stage === 'reply' ? flow.to : flow;
    if (event.stage === 'abort' || event.stage === 'close') {
      this.#decider.next(flow);
      this.#collector.end();
    } else if (flow.stage === 'eom') {
      this.#onEom(flow);
    } else {
      this.#collect(flow as StageEvent | Reply, event);
    }
  }

  protected override cancel(): void {
    super.cancel();
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
    let whole: Eom;
    try {
      if (collection.failure !== undefined) throw collection.failure.cause;
      const incoming = incomingMessage(eom, collection, this.#options);
      this.#ready = incoming.message;
      whole = incoming.eom;
    } catch (error) {
      this.down.next(failedEvent(eom, error));
      return;
    }
    this.#decider.next(whole);
  }
}
