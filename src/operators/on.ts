import { type Observable, type ObservableInput, from } from 'rxjs';

import { textOf } from '../common/text-of.js';
import { type AnswerWatch, type Site, watchOf } from '../session/answer-watch.js';
import { tellFailure, tellForgotten } from '../session/failures.js';
import type { EventAt, Flow, StageEvent } from '../session/flow.js';
import { tagsFor } from '../session/negotiation/tags.js';
import { ALL_STAGES, BIT, type Stage, stageSet } from '../session/stage.js';
import { turnOf } from '../session/turn.js';
import { type AnswerInput, Answers, type Legal, takeAll } from './core/answers.js';
import { isLater } from './core/drive.js';
import { failedEvent } from './core/failed-event.js';
import { type Filter, makeFilter } from './core/filter.js';
import { Latest } from './core/latest.js';
import { LazyContext, type ProjectContext, ProjectRun, type RunOwner } from './core/project-run.js';
import { type Downstream, RunningStep } from './core/step.js';

/** Decides an event, or leaves it: returns nothing, an answer, several, or any of that later. */
export type Project<S extends Stage> = (event: EventAt<S>, context: ProjectContext) => AnswerInput<S>;

/** The same with the newest value of a stream. */
export type LatestProject<S extends Stage, T> = (
  event: EventAt<S>,
  latest: T,
  context: ProjectContext,
) => AnswerInput<S>;

type AnyProject = (event: StageEvent, context: LazyContext, latest: unknown) => unknown;

/**
 * Decides the events of one stage or several.
 *
 * @remarks
 * `project` is called for each such event that no earlier filter has decided. It returns the answer, several in an
 * array, or a promise, Observable, iterable or generator of these, which is read up to the first decision. Without a
 * decision the event travels on, at `eom` with its modifications on it.
 *
 * What throws, rejects or errors is reported, and costs that event the failure decision. When the message is aborted,
 * the connection lost or the time up, the project is cancelled: its Observable is unsubscribed, its generator finished,
 * `context.signal` aborted.
 *
 * With a stream as the second argument `project` also gets its newest value, also after its end. It is subscribed to
 * once for each connection; events before its first value wait for that.
 *
 * @example on('rcpt', async (rcpt, { signal }) => ((await known(rcpt.address, signal)) ? undefined : reject('Who?')))
 * @example on('connect', blocked$, ({ address }, blocked) => (blocked.has(address) ? reject() : undefined))
 */
export function on<const S extends StageEvent['stage'], const R = AnswerInput<S>>(
  stages: S | readonly S[],
  project: (event: EventAt<NoInfer<S>>, context: ProjectContext) => Legal<NoInfer<S>, R>,
): Filter;
export function on<const S extends StageEvent['stage'], T, const R = AnswerInput<S>>(
  stages: S | readonly S[],
  latest: ObservableInput<T>,
  project: (event: EventAt<NoInfer<S>>, latest: T, context: ProjectContext) => Legal<NoInfer<S>, R>,
): Filter;
export function on(stages: Stage | readonly Stage[], ...rest: unknown[]): Filter {
  return onFrom(new Error(), stages, rest);
}

/** The same for an operator that is made of it, with the call of that as `site`. */
export function onFrom(site: Site, stages: Stage | readonly Stage[], rest: readonly unknown[]): Filter {
  const decides = stageSet(stages, ALL_STAGES);
  const project = rest.at(-1);
  if (typeof project !== 'function') throw new TypeError('on(): the last argument has to be a function.');
  const source = rest.length > 1 ? streamOf(rest[0]) : undefined;
  // Two shapes of call, so that the usual one passes nothing through.
  const call: AnyProject =
    source === undefined
      ? (project as AnyProject)
      : (event, context, latest) => (project as (...args: unknown[]) => unknown)(event, latest, context);
  const watch = watchOf(project);
  return makeFilter([
    {
      tags: tagsFor(decides, 0),
      interest: decides | BIT.abort | BIT.close,
      site,
      open: (down) => new OnRun({ call, watch, site }, source && new Latest(source), down),
    },
  ]);
}

function streamOf(input: unknown): Observable<unknown> {
  try {
    return from(input as ObservableInput<unknown>);
  } catch (cause) {
    const what = input === null || typeof input !== 'object' ? textOf(input) : 'an object';
    throw new TypeError(
      `on(): the argument before the project is ${what}, and not a stream. Give an Observable, a promise or an iterable.`,
      { cause },
    );
  }
}

/** What a run has of its operator. */
interface OnTerms {
  readonly call: AnyProject;
  readonly watch: AnswerWatch;
  readonly site: Site;
}

class OnRun extends RunningStep implements RunOwner {
  // Each by itself: by way of an object of all of them an event takes a fifth longer.
  readonly #project: AnyProject;
  readonly #watch: AnswerWatch;
  readonly #latest: Latest<unknown> | undefined;
  readonly #site: Site;
  /** In a session at most one; a drawing may have several events under way. */
  #runs: Set<ProjectRun> | undefined;

  constructor({ call, watch, site }: OnTerms, latest: Latest<unknown> | undefined, down: Downstream) {
    super(down);
    this.#project = call;
    this.#watch = watch;
    this.#latest = latest;
    this.#site = site;
  }

  override next(flow: Flow): void {
    if (flow.stage === 'abort' || flow.stage === 'close') {
      this.#cancelAll();
      this.down.next(flow);
      return;
    }
    const event = flow as StageEvent;
    const context = new LazyContext(event, this.#site);
    if (this.#latest !== undefined && !this.#isReady(this.#latest, event, context)) return;
    let result: Flow;
    const outer = this.#watch.enter();
    try {
      const given = this.#project(event, context, this.#latest?.value?.is);
      if ((given === undefined || given === null) && context.whole === undefined) {
        result = event;
      } else if (typeof given === 'object' && given !== null && isLater(given)) {
        const run = this.#begin(event, context);
        this.#watch.postpone();
        run.drive(given);
        return;
      } else {
        const answers = new Answers(event, this.#site);
        takeAll(answers, given);
        context.addDraft(answers);
        if (answers.readLater) context.outlive();
        result = answers.result();
      }
    } catch (error) {
      result = failedEvent(event, error, this.#site);
    } finally {
      this.#watch.leave(outer);
    }
    if (result === event) tellForgotten(this.#watch, event, false);
    this.down.next(result);
  }

  protected override isBusy(): boolean {
    return (this.#runs?.size ?? 0) > 0;
  }

  protected override cancel(): void {
    this.#cancelAll();
    this.#latest?.close();
  }

  /** See `RunOwner`. */
  done(run: ProjectRun, flow: Flow): void {
    this.#runs?.delete(run);
    this.down.next(flow);
    this.settle();
  }

  /** See `RunOwner`. */
  gone(run: ProjectRun): void {
    this.#runs?.delete(run);
    this.settle();
  }

  /** Whether the stream has a value. An event that comes before waits for it. */
  #isReady(latest: Latest<unknown>, event: StageEvent, context: LazyContext): boolean {
    const late = latest.takeLateError();
    // In a drawing the stream itself shows it.
    if (late !== undefined && turnOf(event) !== undefined) tellFailure(event, late.error);
    if (latest.value !== undefined) return true;
    const run = this.#begin(event, context);
    latest.wait((error) => {
      const { value } = latest;
      if (value === undefined) run.fail(error);
      else if (run.active) run.call(() => this.#project(event, context, value.is));
    });
    return false;
  }

  #begin(event: StageEvent, context: LazyContext): ProjectRun {
    const run = new ProjectRun(event, context, this, this.#watch);
    // An event may come when its turn is over already.
    if (run.active) (this.#runs ??= new Set()).add(run);
    return run;
  }

  #cancelAll(): void {
    const runs = this.#runs;
    this.#runs = undefined;
    for (const run of runs ?? []) run.cancel();
  }
}
