import { callSite, isOwn, isStatement, placeOf } from '../common/call-site.js';
import { isA } from '../common/text-of.js';
import { AnswerError, ForgottenAnswerError } from './errors.js';

/** A call of an operator, such as `on()`: an error that was not thrown, whose trace is read only if need be. */
export type Site = Error;

/** Has an `AnswerError` say where in the user's code it comes from; gives back any error. */
export function located(error: unknown, site: Site | undefined): unknown {
  if (!isA(error, AnswerError) || error.place !== undefined) return error;
  const place = placeOf(error) ?? placeOf(site);
  if (place === undefined) return error;
  (error as { place: string | undefined }).place = place;
  error.message += ` (at ${place})`;
  return error;
}

type Maker = (...args: never[]) => unknown;

/** Where an answer was made: V8 makes the text of the stack only when it is read. */
interface MadeAt {
  readonly kind: string;
  stack?: string;
}

/** So many answers of a project have their place noted, which costs as much as a small event; anew at a suspicion. */
const NOTED = 16;
/** After so many suspicions without ground a project is one that makes answers in advance. */
const GROUNDLESS = 8;
/** Deep enough for the line of the user's that called, when the library's own lines are left out. */
const FRAMES = 3;

/** The project whose code is running. */
let current: AnswerWatch | undefined;
/** How many projects are waited for; an answer made meanwhile may be of any of them. */
let waiting = 0;
/** Above 0 every forgotten answer is reported, as often as it happens. */
let strict = 0;

function exchange(watch: AnswerWatch | undefined): AnswerWatch | undefined {
  const outer = current;
  current = watch;
  return outer;
}

/** Notes that an answer was made, and gives it back. */
export function made<A extends { readonly kind: string }>(answer: A, maker: Maker): A {
  noteMade(answer.kind, maker);
  return answer;
}

/** Notes that an answer is about to be made. */
export function noteMade(kind: string, maker: Maker): void {
  if (current !== undefined) current.note(kind, maker);
  else if (waiting > 0) LATER.note(kind, maker);
}

/**
 * Finds answers that a project has made and not returned, `reject('No')` for `return reject('No')`: their caller's
 * line is a statement. That line is read only where the project has given no answer, so that others pay for a
 * counter.
 */
export class AnswerWatch {
  #made = 0;
  #noted: MadeAt[] = [];
  #left = NOTED;
  #groundless = 0;
  #reported = false;

  /** The project begins to run; `leave` gets the result when it has returned. */
  enter(): AnswerWatch | undefined {
    this.#made = 0;
    if (this.#noted.length > 0) this.#noted = [];
    return exchange(this);
  }

  leave(outer: AnswerWatch | undefined): void {
    exchange(outer);
  }

  /** The project is about to be waited for. */
  wait(): void {
    waiting++;
  }

  /** The project may return later what it has made so far, when it runs again for others. */
  postpone(): void {
    if (this.#made === 0) return;
    LATER.#made += this.#made;
    LATER.#noted.push(...this.#noted);
    this.#forget();
  }

  /** The project has come to its end after it was waited for. */
  resume(): void {
    if (--waiting === 0) LATER.#forget();
  }

  note(kind: string, maker: Maker): void {
    this.#made++;
    if (this.#left <= 0 && strict === 0) return;
    this.#left--;
    const at: MadeAt = { kind };
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = FRAMES;
    Error.captureStackTrace(at, maker);
    Error.stackTraceLimit = stackTraceLimit;
    this.#noted.push(at);
  }

  /** The error for an answer that a project which has given none has forgotten; `later` where it was waited for. */
  forgotten(later: boolean): ForgottenAnswerError | undefined {
    if (this.#made === 0 && (!later || LATER.#made === 0)) return undefined;
    if (this.#reported && strict === 0) return undefined;
    const error = this.#find() ?? (later ? LATER.#find() : undefined);
    this.#reported ||= error !== undefined;
    return error;
  }

  #find(): ForgottenAnswerError | undefined {
    if (this.#made === 0) return undefined;
    const noted = this.#noted;
    // Those that are not noted any more are noted from the next time on.
    if (this.#groundless < GROUNDLESS) this.#left = NOTED;
    this.#forget();
    for (const { kind, stack = '' } of noted) {
      const [, frame = ''] = stack.split('\n');
      const site = callSite(frame);
      if (site === undefined || isOwn(site)) continue;
      if (isStatement(site) === true) return forgottenError(kind, stack);
      this.#groundless++;
    }
    return undefined;
  }

  #forget(): void {
    this.#made = 0;
    this.#noted = [];
  }
}

/** Answers that are made while no project runs and one at least is waited for. */
const LATER = new AnswerWatch();

function forgottenError(kind: string, stack: string): ForgottenAnswerError {
  const error = new ForgottenAnswerError(
    `${kind}() was called and its result not returned, so the event travels on without it. Write: return ${kind}(…)`,
  );
  // The line is that of the answer, and not of what has found it.
  error.stack = `${error.name}: ${error.message}\n${stack.split('\n').slice(1).join('\n')}`;
  return error;
}

const WATCHES = new WeakMap<object, AnswerWatch>();

/** The watch of a project: one for all connections. */
export function watchOf(project: object): AnswerWatch {
  const watch = WATCHES.get(project) ?? new AnswerWatch();
  WATCHES.set(project, watch);
  return watch;
}

/** Gives a function that calls a project the watch of that project. */
export function shareWatch(caller: object, project: object): void {
  WATCHES.set(caller, watchOf(project));
}

/** Has a forgotten answer reported each time, and not once, until the returned function is called. */
export function reportEach(): () => void {
  strict++;
  return () => {
    strict--;
  };
}
