import { ProjectRun, type RunOwner } from '../../operators/core/drive.js';
import { LazyContext } from '../../operators/core/project-context.js';
import type { Downstream, Upstream } from '../../operators/core/step.js';
import { markFailed, tell } from '../../session/failures.js';
import type { Flow, StageEvent } from '../../session/flow.js';
import { bitOf } from '../../session/stage.js';
import { type Scope, turnOf } from '../../session/turn.js';
import type { RemoteAnswer } from './remote-answer.js';
import type { RemoteError } from './remote-error.js';
import { RemoteLink } from './remote-link.js';
import type { ResolvedRemote } from './remote-options.js';

/** One event under way to the milter. */
interface Asked {
  /** What travels on whatever the milter says: an earlier filter has decided. */
  readonly settled: Flow | undefined;
  error: RemoteError | undefined;
}

/** A milter elsewhere as a step of one running pipeline. */
export class RemoteRun implements Upstream, RunOwner {
  readonly #stages: number;
  readonly #link: RemoteLink;
  readonly #down: Downstream;
  readonly #runs = new Map<ProjectRun, Asked>();
  /** One event after the other: in a session there is only one, in a drawing there may be several. */
  #last: Promise<unknown> = Promise.resolve();
  #message: Scope | undefined;
  #completed = false;

  constructor(settings: ResolvedRemote, down: Downstream) {
    this.#stages = settings.stages;
    this.#link = new RemoteLink(settings);
    this.#down = down;
  }

  next(flow: Flow): void {
    if (flow.stage === 'abort') {
      this.#cancelAll();
      this.#link.endMessage();
      this.#down.next(flow);
    } else if (flow.stage === 'close') {
      this.#cancelAll();
      this.#link.end();
      this.#down.next(flow);
    } else {
      this.#take(flow, flow.stage === 'reply' ? flow.to : flow);
    }
  }

  error(error: unknown): void {
    this.close();
    this.#down.error(error);
  }

  complete(): void {
    this.#completed = true;
    this.#completeIfDone();
  }

  close(): void {
    this.#completed = false;
    this.#cancelAll();
    this.#link.end();
  }

  /** See `RunOwner`. */
  done(run: ProjectRun, flow: Flow): void {
    const { settled, error } = this.#runs.get(run) ?? {};
    this.#runs.delete(run);
    const result = settled ?? flow;
    const { event } = run;
    if (error !== undefined) {
      if (settled === undefined && flow.stage === 'reply') markFailed(flow, error);
      else tell(error, event.stage, turnOf(event)?.owner);
    }
    this.#down.next(result);
    // Where there is a connection it says itself when the message is over.
    if (event.stage === 'eom' && turnOf(event) === undefined) this.#link.endMessage();
    this.#completeIfDone();
  }

  /** See `RunOwner`. */
  gone(run: ProjectRun): void {
    this.#runs.delete(run);
    this.#completeIfDone();
  }

  #take(flow: Flow, event: StageEvent): void {
    const isReply = flow.stage === 'reply';
    // What an earlier filter has refused or taken out of the pipeline the milter does not hear of, as from an MTA.
    if (isReply && (flow.decision.kind !== 'proceed' || event.stage === 'eom')) {
      this.#down.next(flow);
      return;
    }
    this.#link.note(event);
    this.#watch(event);
    if ((bitOf(event.stage) & this.#stages) === 0) {
      this.#down.next(flow);
      return;
    }
    this.#ask(event, isReply || isMoot(event) ? flow : undefined);
  }

  #ask(event: StageEvent, settled: Flow | undefined): void {
    const context = new LazyContext(event);
    const run = new ProjectRun(event, context, this);
    if (!run.active) return;
    const asked: Asked = { settled, error: undefined };
    this.#runs.set(run, asked);
    const answer = this.#last.then(async () => {
      const { signal } = context;
      if (signal.aborted) return undefined;
      const result = await this.#link.ask(event, signal);
      asked.error = result.error;
      return answersOf(result);
    });
    this.#last = answer.catch(() => undefined);
    run.drive(answer);
  }

  /** Learns when the message of the event is over. */
  #watch(event: StageEvent): void {
    const message = turnOf(event)?.message;
    if (message === undefined || message === this.#message) return;
    this.#message = message;
    message.onEnd(() => {
      this.#link.endMessage();
    });
  }

  #cancelAll(): void {
    for (const run of [...this.#runs.keys()]) run.cancel();
  }

  #completeIfDone(): void {
    if (!this.#completed || this.#runs.size > 0) return;
    this.close();
    this.#down.complete();
  }
}

/** The MTA has decided about it by itself: the milter may see it, and what it says makes no difference. */
function isMoot(event: StageEvent): boolean {
  return event.stage === 'rcpt' && event.rejected !== undefined;
}

function answersOf({ decision, modifications = [] }: RemoteAnswer): unknown {
  return decision === undefined ? modifications : [...modifications, decision];
}
