import { stat, statSync, type Stats } from 'node:fs';
import { EMPTY, Observable, Subject, from, isObservable, take, takeUntil, type Subscriber } from 'rxjs';

import {
  checkArgument,
  checkOptions,
  func,
  milliseconds,
  rule,
  signal,
  type Rules,
} from '../common/options.js';
import { isPromise } from '../common/promises.js';
import { errorFrom, messageOf } from '../common/text-of.js';

/** When `reloaded()` loads again, and who hears of its errors. */
export interface ReloadedOptions {
  /** Each value that it emits loads again: `watchFile(path)`, `fromEvent(process, 'SIGHUP')`, a `merge` of several. */
  readonly on?: Observable<unknown> | undefined;
  /** Loads again after so many milliseconds, too; the timer does not keep the process alive. Default: never. */
  readonly every?: number | undefined;
  /** Gets the errors of loading, and of `on`. Default: a warning of the process. */
  readonly onError?: ((error: Error) => void) | undefined;
  /** Ends loading when it is aborted; subscribers complete. Default: loading goes on as long as the process. */
  readonly signal?: AbortSignal | undefined;
}

const RULES: Rules<ReloadedOptions> = {
  on: rule('an Observable, such as watchFile(path)', isObservable),
  every: milliseconds(1),
  onError: func,
  signal,
};

/**
 * Loads a value at once and again when it is told to, and gives the newest to all that subscribe.
 *
 * @remarks
 * It is for what filters read and others change: rules in a file, keys, lists of a database. It loads from the call on,
 * whether anybody has subscribed or not, so that nothing that happens before the first connection is missed. One load
 * runs at a time; triggers meanwhile make one more.
 *
 * Where a load fails, the last good value stays, and the error is reported. Where there is no value yet, subscribers get
 * the error, so that a server does not start without its rules; the next load may still succeed. A value that is the same
 * as the last one is not emitted again.
 *
 * A load has no limit of time of its own: use `AbortSignal.timeout()` where it may hang.
 *
 * @param load gives the value, or a promise or an Observable of it, whose first value counts
 * @throws TypeError or RangeError where an argument is wrong
 * @example
 * const rules = reloaded(() => readFile('rules.json', 'utf8').then(JSON.parse), { on: watchFile('rules.json') });
 * await serve(on('mail', rules, ({ address }, { blocked }) => blocked.includes(address) && reject()), { listen });
 * @see watchFile for the trigger
 */
export function reloaded<T>(
  load: () => T | PromiseLike<T> | Observable<T>,
  options: ReloadedOptions = {},
): Observable<T> {
  checkArgument('reloaded()', 'the first argument', load, func);
  checkOptions('reloaded()', options, RULES);
  const source = new Reloader(load, options);
  return new Observable((subscriber) => source.add(subscriber));
}

class Reloader<T> {
  readonly #load: () => T | PromiseLike<T> | Observable<T>;
  readonly #onError: (error: Error) => void;
  readonly #subscribers = new Set<Subscriber<T>>();
  #last: { readonly value: T } | { readonly error: Error } | undefined;
  #loading = false;
  /** A trigger came while it was loading. */
  #again = false;
  #over = false;

  constructor(load: () => T | PromiseLike<T> | Observable<T>, options: ReloadedOptions) {
    const { on = EMPTY, every, signal: stop, onError } = options;
    this.#load = load;
    this.#onError = onError ?? ((error) => process.emitWarning(error));
    if (stop?.aborted === true) {
      this.#over = true;
      return;
    }
    this.#reload();
    const ended = new Subject<void>();
    on.pipe(takeUntil(ended)).subscribe({
      next: () => this.#reload(),
      error: (error: unknown) => this.#report(errorFrom(error)),
    });
    const clock = every === undefined ? undefined : setInterval(() => this.#reload(), every).unref();
    stop?.addEventListener('abort', () => {
      this.#over = true;
      clearInterval(clock);
      ended.next();
      for (const each of this.#subscribers) each.complete();
    });
  }

  add(subscriber: Subscriber<T>): () => void {
    if (this.#last !== undefined && 'error' in this.#last) subscriber.error(this.#last.error);
    else if (this.#last !== undefined) subscriber.next(this.#last.value);
    if (this.#over) subscriber.complete();
    this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  }

  #reload(): void {
    this.#again = this.#loading;
    if (this.#loading || this.#over) return;
    this.#loading = true;
    let loaded: Observable<T>;
    try {
      const value = this.#load();
      loaded = isObservable(value) ? value.pipe(take(1)) : isPromise(value) ? from(value) : from([value]);
    } catch (error) {
      this.#failed(error);
      return;
    }
    let empty = true;
    loaded.subscribe({
      next: (value) => {
        empty = false;
        this.#succeeded(value);
      },
      error: (error: unknown) => this.#failed(error),
      complete: () => {
        if (empty) this.#failed(new Error('its Observable completed without a value'));
        else this.#next();
      },
    });
  }

  #succeeded(value: T): void {
    if (this.#over) return;
    const last = this.#last;
    this.#last = { value };
    if (last !== undefined && 'value' in last && Object.is(last.value, value)) return;
    for (const each of [...this.#subscribers]) each.next(value);
  }

  #failed(cause: unknown): void {
    if (this.#over) return;
    const error = new Error(`reloaded(): loading failed: ${messageOf(cause)}`, { cause });
    const first = this.#last === undefined || 'error' in this.#last;
    if (first) this.#last = { error };
    const waiting = first ? [...this.#subscribers] : [];
    if (waiting.length === 0) this.#report(error);
    for (const each of waiting) each.error(error);
    this.#next();
  }

  /** A load has ended. */
  #next(): void {
    this.#loading = false;
    if (this.#again) this.#reload();
  }

  #report(error: Error): void {
    try {
      this.#onError(error);
    } catch (failure) {
      process.emitWarning(errorFrom(failure));
    }
  }
}

/** A file that has changed is looked at again after so many milliseconds: it may still be being written. */
const REST = 100;

/** How `watchFile()` looks at its file. */
export interface WatchFileOptions {
  /** Milliseconds between two looks. Default 1 000. */
  readonly interval?: number | undefined;
}

/**
 * Emits when a file has changed, was made, replaced or removed: a trigger for `reloaded()`.
 *
 * @remarks
 * It looks at the file now and then, from the subscription on: that also works for a file that is replaced by another,
 * for links to another version, and on network file systems. Once a look has found a change, it waits until two looks, a
 * tenth of a second apart, find the same: a file that is being written is whole then in nearly all cases. Replacing it by
 * another (`rename`) is the sure way. It does not keep the process alive. Unsubscription ends it.
 *
 * @throws TypeError or RangeError where an argument is wrong
 * @example const rules = reloaded(() => readFile('rules.txt', 'utf8'), { on: watchFile('rules.txt') });
 */
export function watchFile(path: string | URL, options: WatchFileOptions = {}): Observable<void> {
  checkArgument(
    'watchFile()',
    'the first argument',
    path,
    rule(
      'a path or a file URL',
      (value) => value instanceof URL || (typeof value === 'string' && value !== ''),
    ),
  );
  checkOptions<WatchFileOptions>('watchFile()', options, { interval: milliseconds(1) });
  const { interval = 1_000 } = options;
  return new Observable<void>((subscriber) => {
    // Not later: what changes after the first load must not be missed.
    let last = stateNow(path);
    let changed = false;
    let timer: NodeJS.Timeout;
    const look = (_error: Error | null, stats?: Stats): void => {
      if (subscriber.closed) return;
      const now = stateOf(stats);
      const atRest = changed && now === last;
      changed = now !== last;
      last = now;
      lookLater();
      if (atRest) subscriber.next();
    };
    const lookLater = (): void => {
      timer = setTimeout(() => stat(path, look), changed ? Math.min(REST, interval) : interval).unref();
    };
    lookLater();
    return () => clearTimeout(timer);
  });
}

function stateNow(path: string | URL): string {
  try {
    return stateOf(statSync(path));
  } catch {
    return stateOf(undefined);
  }
}

/** What differs when a file has changed, or is another one. */
function stateOf(stats: Stats | undefined): string {
  return stats === undefined ? 'none' : `${stats.ino} ${stats.size} ${stats.mtimeMs}`;
}
