import { tellFailure } from '../../session/failures.js';
import type { Flow, StageEvent } from '../../session/flow.js';
import { turnOf } from '../../session/turn.js';
import { Answers, takeAll } from './answers.js';
import { Drive } from './drive.js';
import { failedEvent } from './failed-event.js';
import type { LazyContext } from './project-context.js';

/** Where the result of a run goes: one of the two is called, once. */
export interface RunOwner {
  done(run: ProjectRun, flow: Flow): void;
  /** It was cancelled, and there will be no result. */
  gone(run: ProjectRun): void;
}

/** The answers of a project to one event on their way. Cancelled when the turn of the event is over. */
export class ProjectRun extends Drive {
  readonly event: StageEvent;
  protected override readonly whose = 'The answers of the project';
  readonly #context: LazyContext;
  readonly #owner: RunOwner;
  readonly #answers: Answers;

  constructor(event: StageEvent, context: LazyContext, owner: RunOwner) {
    super();
    this.event = event;
    this.#context = context;
    this.#owner = owner;
    this.#answers = new Answers(event, context.site);
    turnOf(event)?.onEnd(() => this.cancel());
  }

  override cancel(): void {
    if (!this.active) return;
    super.cancel();
    this.#owner.gone(this);
  }

  protected override cancelled(): void {
    this.#context.cancel();
  }

  protected override take(answer: unknown): boolean {
    return takeAll(this.#answers, answer);
  }

  protected override ignore(answer: unknown): void {
    takeAll(this.#answers, answer);
  }

  protected override report(error: unknown): void {
    tellFailure(this.event, error);
  }

  protected override done(): void {
    if (this.#answers.readLater) this.#context.outlive();
    let flow: Flow;
    try {
      flow = this.#answers.result();
    } catch (error) {
      this.failed(error);
      return;
    }
    this.#end(flow);
  }

  protected override failed(error: unknown): void {
    this.#end(failedEvent(this.event, error, this.#context.site));
  }

  #end(flow: Flow): void {
    try {
      this.#owner.done(this, flow);
    } catch (error) {
      // There is no caller: this comes from a promise or a timer, where it would end the process.
      tellFailure(this.event, error);
    }
  }
}
