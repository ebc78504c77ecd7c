import { abortController } from '../../common/abort.js';
import type { Site } from '../../session/answer-place.js';
import { tellFailure } from '../../session/failures.js';
import type { StageEvent } from '../../session/flow.js';
import { turnOf } from '../../session/turn.js';

/** What a project gets beside its event. */
export interface ProjectContext {
  /**
   * Aborted when the answer is not wanted any more: the message was aborted, the connection is lost, or the time is up.
   * Of an answer with a body to be read, also when that is over. Made when first asked for. Hand it to `fetch` and whatever else can be cancelled. A listener of it that throws is reported, and costs nothing.
   */
  readonly signal: AbortSignal;
}

/** The context of one event. */
export class LazyContext implements ProjectContext {
  /** The call of the operator whose project it is for. */
  readonly site: Site | undefined;
  readonly #event: StageEvent;
  #controller: AbortController | undefined;
  #cancelled = false;

  constructor(event: StageEvent, site?: Site) {
    this.#event = event;
    this.site = site;
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
