import { Observable } from 'rxjs';

/** Sees what the filters of one conversation hold, and tells them when to stop being difficult. */
export class Bench {
  /** From now on all functions of the filters leave their events undecided at once. */
  quiet = false;
  /** What was begun and not ended, by name. */
  readonly #stubborn: (() => void)[] = [];
  readonly #held = new Map<string, number>();

  /** Something begins that has to end when nobody wants it any more. Returns its end. */
  hold(name: string): () => void {
    this.#count(name, 1);
    let ended = false;
    return () => {
      if (!ended) this.#count(name, -1);
      ended = true;
    };
  }

  /** Resolves only when all is over, whoever has lost patience before. */
  stubborn(): Promise<void> {
    return new Promise((resolve) => this.#stubborn.push(resolve));
  }

  /** All is over. */
  release(): void {
    for (const resolve of this.#stubborn.splice(0)) resolve();
  }

  /** A stream of which it is known whether somebody is subscribed to it. */
  watch<T>(name: string, source: Observable<T>): Observable<T> {
    return new Observable((subscriber) => {
      subscriber.add(this.hold(name));
      return source.subscribe(subscriber);
    });
  }

  /** Resolves after so many milliseconds, or rejects when it is not wanted any more. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw new Error('Not wanted any more.');
    const end = this.hold(`wait of ${ms} ms`);
    let over = (): void => undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        const timer = ms === Infinity ? undefined : setTimeout(resolve, ms);
        over = () => {
          clearTimeout(timer);
          reject(new Error('Not wanted any more.'));
        };
        signal.addEventListener('abort', over);
      });
    } finally {
      signal.removeEventListener('abort', over);
      end();
    }
  }

  get held(): string[] {
    return [...this.#held].filter(([, count]) => count !== 0).map(([name, count]) => `${name}: ${count}`);
  }

  #count(name: string, by: number): void {
    this.#held.set(name, (this.#held.get(name) ?? 0) + by);
  }
}
