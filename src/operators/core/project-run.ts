import { abortController } from '../../common/abort.js';
import { type Draft, draftOf, editOfDraft } from '../../message/edit/edit.js';
import type { BodyMode, Message } from '../../message/message.js';
import type { AnswerWatch, Site } from '../../session/answer-watch.js';
import { tellFailure, tellForgotten } from '../../session/failures.js';
import type { Flow, StageEvent } from '../../session/flow.js';
import { turnOf } from '../../session/turn.js';
import { Answers, takeAll } from './answers.js';
import { Drive } from './drive.js';
import { failedEvent } from './failed-event.js';

/** What a project gets beside its event. */
export interface ProjectContext {
  /** Aborted when the answer is not wanted any more, and after an answer with a body to be read when that is over. */
  readonly signal: AbortSignal;
}

/** What a project of `onMessage()` gets beside its message. */
export interface MessageContext extends ProjectContext {
  /**
   * A draft of the message. The changes made to it count when the project ends, unless it refuses the message.
   *
   * @remarks
   * It begins with the changes of earlier filters. A change after the end of the project throws an `AnswerError`.
   */
  readonly draft: Draft;
}

/** The context of one event. */
export class LazyContext implements MessageContext {
  /** The call of the operator whose project it is for. */
  readonly site: Site | undefined;
  /** The message, for a project of `onMessage()`, and its draft, once that was asked for. */
  whole: { readonly message: Message<BodyMode>; draft: Draft | undefined } | undefined = undefined;
  readonly #event: StageEvent;
  #controller: AbortController | undefined;
  #cancelled = false;

  constructor(event: StageEvent, site?: Site) {
    this.#event = event;
    this.site = site;
  }

  get draft(): Draft {
    if (this.whole === undefined) {
      throw new TypeError('draft: a message has one as a whole, in the project of onMessage().');
    }
    return (this.whole.draft ??= draftOf(this.whole.message));
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = abortController((reason) => {
        tellFailure(this.#event, reason);
      });
      if (this.#cancelled) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  /** The project has ended: its draft is an edit among its answers, unless the message is refused. */
  addDraft(answers: Answers): void {
    if (this.whole?.draft === undefined) return;
    const edit = editOfDraft(this.whole.message, this.whole.draft);
    if (!answers.refuses) answers.take(edit);
  }

  /** Of an answer whose body is read later the end is the end of the turn. */
  outlive(): void {
    turnOf(this.#event)?.onEnd(() => {
      this.cancel();
    });
  }

  cancel(): void {
    this.#cancelled = true;
    this.#controller?.abort();
  }
}

/** Where the result of a run goes: one of the two is called, once. */
export interface RunOwner {
  done(run: ProjectRun, flow: Flow): void;
  /** It was cancelled, and there will be no result. */
  gone?(run: ProjectRun): void;
}

/** The answers of a project to one event on their way. Cancelled when the turn of the event is over. */
export class ProjectRun extends Drive {
  readonly event: StageEvent;
  protected override readonly whose = 'The answers of the project';
  readonly #context: LazyContext;
  readonly #owner: RunOwner;
  readonly #watch: AnswerWatch | undefined;
  readonly #answers: Answers;

  /** @param watch of the project, where it is one of the user's */
  constructor(event: StageEvent, context: LazyContext, owner: RunOwner, watch?: AnswerWatch) {
    super();
    this.event = event;
    this.#context = context;
    this.#owner = owner;
    this.#watch = watch;
    this.#answers = new Answers(event, context.site);
    watch?.wait();
    turnOf(event)?.onEnd(() => this.cancel());
  }

  /** Calls the project, and takes what it gives. */
  call(project: () => unknown): void {
    const outer = this.#watch?.enter();
    try {
      const result = project();
      this.#watch?.postpone();
      this.drive(result);
    } catch (error) {
      this.fail(error);
    } finally {
      this.#watch?.leave(outer);
    }
  }

  override cancel(): void {
    if (!this.active) return;
    super.cancel();
    this.#watch?.resume();
    this.#owner.gone?.(this);
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
    let flow: Flow;
    try {
      this.#context.addDraft(this.#answers);
      if (this.#answers.readLater) this.#context.outlive();
      flow = this.#answers.result();
    } catch (error) {
      this.failed(error);
      return;
    }
    if (flow === this.event && this.#watch !== undefined) tellForgotten(this.#watch, this.event, true);
    this.#end(flow);
  }

  protected override failed(error: unknown): void {
    this.#end(failedEvent(this.event, error, this.#context.site));
  }

  #end(flow: Flow): void {
    this.#watch?.resume();
    try {
      this.#owner.done(this, flow);
    } catch (error) {
      // There is no caller: this comes from a promise or a timer, where it would end the process.
      tellFailure(this.event, error);
    }
  }
}
