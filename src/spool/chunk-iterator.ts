import type { ChunkFlow, OpenChunks } from './chunk-flow.js';

type Result = IteratorResult<Uint8Array, undefined>;

interface Waiting {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

const DONE: Result = { done: true, value: undefined };

/**
 * The pieces of a body one by one. A piece counts as taken when the next one is asked for.
 *
 * Unlike that of an async generator its `return()` does not wait for a `next()` that is under way: that one is done
 * then, too.
 */
export class ChunkIterator implements AsyncIterator<Uint8Array, undefined> {
  readonly #flow: ChunkFlow;
  readonly #waiting: Waiting[] = [];
  #over = false;
  #failure: Error | undefined;

  constructor(open: OpenChunks) {
    this.#flow = open({
      next: (chunk) => {
        this.#waiting.shift()?.resolve({ done: false, value: chunk });
        if (this.#waiting.length > 0) this.#flow.ask();
      },
      end: () => this.#finish(),
      fail: (error) => {
        const first = this.#waiting.shift();
        if (first === undefined) this.#failure = error;
        else first.reject(error);
        this.#finish();
      },
    });
  }

  next(): Promise<Result> {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) return Promise.reject(failure);
    if (this.#over) return Promise.resolve(DONE);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      if (this.#waiting.length === 1) this.#flow.ask();
    });
  }

  return(): Promise<Result> {
    this.#failure = undefined;
    this.#flow.stop();
    this.#finish();
    return Promise.resolve(DONE);
  }

  #finish(): void {
    this.#over = true;
    for (const { resolve } of this.#waiting.splice(0)) resolve(DONE);
  }
}
