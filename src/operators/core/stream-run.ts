import type { Eom, Flow, Reply, StageEvent } from '../../session/flow.js';
import { BIT, bitOf } from '../../session/stage.js';
import { turnOf } from '../../session/turn.js';
import { type MessageStep, Collector } from './collector.js';
import { isFinal } from './failed-event.js';
import { type Downstream, RunningStep } from './step.js';
import { StreamedProject } from './streamed-project.js';

/** Where a decision is one about the whole message. */
const CONTENT = BIT.header | BIT.eoh | BIT.body | BIT.eom;

/** Hands the body of one message after the other to a project as it arrives. */
export class StreamRun extends RunningStep {
  readonly #step: MessageStep;
  readonly #collector: Collector;
  #current: StreamedProject | undefined;

  constructor(step: MessageStep, down: Downstream) {
    super(down);
    this.#step = step;
    this.#collector = new Collector(step.options);
  }

  override next(flow: Flow): void {
    const event = flow.stage === 'reply' ? flow.to : flow;
    if (event.stage === 'abort' || event.stage === 'close') {
      this.#end();
      this.down.next(flow);
      return;
    }
    if (event.stage === 'mail') this.#end();
    const collection = this.#collector.of(event);
    if (isFinal(flow) || (flow.stage === 'reply' && event.stage === 'eom')) {
      // Before anybody else hears of it: what comes of that may be the next message.
      if ((bitOf(event.stage) & CONTENT) !== 0) this.#end();
      this.down.next(flow);
    } else if (event.stage === 'body') {
      this.#onBody(flow as StageEvent | Reply, event);
    } else if (flow.stage === 'eom') {
      this.#onEom(flow);
    } else {
      // It cannot make anything wait: the body is not kept.
      void collection.take(event);
      if (event.stage === 'eoh' && !collection.beyond) this.#begin(event);
      this.down.next(flow);
    }
  }

  override complete(): void {
    // The end of the message does not come any more.
    if (this.#current?.ending === false) this.#end();
    super.complete();
  }

  protected override isBusy(): boolean {
    return this.#current !== undefined;
  }

  protected override cancel(): void {
    this.#end();
  }

  #begin(event: StageEvent): StreamedProject {
    const collection = this.#collector.of(event);
    return (this.#current ??= new StreamedProject(this.#step, event, collection));
  }

  #end(): void {
    this.#current?.cancel();
    this.#current = undefined;
    this.#collector.end();
  }

  #onBody(flow: StageEvent | Reply, event: StageEvent & { readonly stage: 'body' }): void {
    const collection = this.#collector.of(event);
    collection.pass(event);
    const piece = collection.admit(event.chunk);
    if (collection.beyond) {
      this.#current?.cancel();
      this.down.next((flow.stage === 'body' ? this.#collector.refusal(flow) : undefined) ?? flow);
      return;
    }
    const current = this.#begin(event);
    const { channel } = current;
    const turn = turnOf(event);
    const wanted = !channel.unwanted;
    const later = piece && channel.push(piece);
    if (collection.truncated.body) channel.end(false);
    const pass = (): void => {
      if (channel.unwanted || collection.enough) turn?.releaseBody();
      const refusal = flow.stage === 'body' ? current.refusalOf(flow) : undefined;
      if (refusal !== undefined) this.#end();
      this.down.next(refusal ?? flow);
    };
    // A project that stops reading is about to say why, which takes an async function some promises more.
    const stops = (): boolean => wanted && turn !== undefined && current.deciding;
    if (later === undefined && !stops()) pass();
    else {
      // Where the time is up, and failures let the piece pass, the reader would miss it: it is told that it has failed.
      const forget = turn?.onEnd(() => {
        current.cancel();
        // The MTA was told of no failure, and has to be at the end.
        if (turn.mode === 'silent') current.missed = true;
      });
      // Where it was negotiated that the MTA does not wait for its pieces, the next one must not overtake this one.
      const resume = turn?.pause();
      void Promise.resolve(later)
        .then(() => (stops() ? allPromises() : undefined))
        .then(() => {
          forget?.();
          if (turn?.ended !== true) pass();
          resume?.();
        });
    }
  }

  #onEom(eom: Eom): void {
    const collection = this.#collector.of(eom);
    if (collection.beyond) {
      this.#end();
      this.down.next(this.#collector.beyond(eom));
      return;
    }
    this.#collector.keepBodies(eom);
    const current = this.#begin(eom);
    current.finish(eom, collection.complete, (flow) => {
      if (this.#current === current) this.#current = undefined;
      this.down.next(flow);
      this.settle();
    });
  }
}

/** Resolves when all promises have come about that wait for nothing but each other. Called from one of them. */
function allPromises(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}
