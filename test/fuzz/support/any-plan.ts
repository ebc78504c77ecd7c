import fc from 'fast-check';
import { Readable } from 'node:stream';
import { EMPTY, NEVER, Observable, concat, defer, from, map, throwError, timer } from 'rxjs';
import { replaceBody } from 'rxmilter';

import { answerName, makeAnswer } from './any-answer.js';
import type { Bench } from './bench.js';

/** How the answers of a plan come. */
type Shape =
  | 'value'
  | 'array'
  | 'generator'
  | 'async generator'
  | 'promise'
  | 'thenable'
  | 'hasty thenable'
  | 'observable'
  | 'slow body'
  | 'slow body by signal'
  | 'stream'
  | 'broken stream'
  | 'stubborn promise'
  | 'stubborn generator'
  | 'never'
  | 'endless';
const SHAPES: readonly Shape[] = [
  'value',
  'value',
  'array',
  'generator',
  'async generator',
  'promise',
  'thenable',
  'hasty thenable',
  'observable',
  'slow body',
  'slow body by signal',
  'stream',
  'broken stream',
  'stubborn promise',
  'stubborn generator',
  'never',
  'endless',
];
/** Around the times of the deadlines, and far beyond. */
const DELAYS = [0, 0, 1, 100, 999, 1000, 1001, 2999, 3000, 3001, 60_000];

/** What a function of a filter does with one event. */
export class Plan {
  readonly #shape: Shape;
  readonly #names: readonly string[];
  readonly #delay: number;
  readonly #throws: boolean;

  constructor(shape: Shape, names: readonly string[], delay: number, throws: boolean) {
    this.#shape = shape;
    this.#names = names;
    this.#delay = delay;
    this.#throws = throws;
  }

  toString(): string {
    const later = this.#delay > 0 ? ` after ${this.#delay} ms each` : '';
    return `${this.#shape} (${this.#names.join('; ')})${later}${this.#throws ? ', then throws' : ''}`;
  }

  run(bench: Bench, signal: AbortSignal): unknown {
    switch (this.#shape) {
      case 'value':
        this.#fail();
        return makeAnswer(this.#names[0] ?? 'nothing');
      case 'array':
        return [...this.#all()];
      case 'generator':
        return this.#all();
      case 'async generator':
        return this.#later(bench, signal);
      case 'promise':
        return this.#promise(bench, signal);
      case 'thenable':
        return { then: (done: (value: unknown) => void) => done([...this.#all()]) };
      case 'hasty thenable':
        return {
          then: (done: (value: unknown) => void, failed: (error: unknown) => void) => {
            done(makeAnswer(this.#names[0] ?? 'nothing'));
            failed(new Error('A second time.'));
            done(makeAnswer(this.#names[1] ?? 'nothing'));
            this.#fail();
          },
        };
      case 'observable':
        return this.#stream(bench);
      case 'slow body':
        return replaceBody(this.#finishable(bench));
      case 'slow body by signal':
        return replaceBody(this.#body(bench, signal));
      case 'stream':
        return this.#replaced(bench, false);
      case 'broken stream':
        return this.#replaced(bench, true);
      case 'stubborn promise':
        return bench.stubborn().then(() => {
          this.#fail();
          return replaceBody(this.#file(bench, this.#names.length > 1));
        });
      case 'stubborn generator':
        return this.#stubborn(bench);
      case 'never':
        return this.#throws ? bench.watch('never', NEVER) : new Promise(() => undefined);
      case 'endless':
        return bench.watch('endless', timer(0, 500).pipe(map(() => undefined)));
    }
  }

  #fail(): void {
    if (this.#throws) throw new Error('As planned.');
  }

  *#all(): Generator<unknown, unknown> {
    for (const name of this.#names) yield makeAnswer(name);
    this.#fail();
    return undefined;
  }

  async *#later(bench: Bench, signal: AbortSignal): AsyncGenerator {
    const end = bench.hold('async generator');
    try {
      for (const name of this.#names) {
        await bench.wait(this.#delay, signal);
        yield makeAnswer(name);
      }
      this.#fail();
    } finally {
      end();
    }
  }

  async #promise(bench: Bench, signal: AbortSignal): Promise<unknown> {
    await bench.wait(this.#delay, signal);
    this.#fail();
    return this.#names.length > 1 ? this.#all() : makeAnswer(this.#names[0] ?? 'nothing');
  }

  #stream(bench: Bench): Observable<unknown> {
    const values = this.#names.map((name) => {
      const value = defer(() => from([makeAnswer(name)]));
      return this.#delay > 0 ? concat(timer(this.#delay).pipe(map(() => undefined)), value) : value;
    });
    const end = this.#throws ? throwError(() => new Error('As planned.')) : EMPTY;
    return bench.watch('observable', concat(...values, end));
  }

  /** A body that can be finished while it waits, as a stream can. */
  #finishable(bench: Bench): AsyncIterable<Uint8Array> {
    const cancel = new AbortController();
    const pieces = this.#body(bench, cancel.signal);
    return {
      [Symbol.asyncIterator]: () => ({
        next: () => pieces.next(),
        return: async () => {
          cancel.abort();
          return pieces.return(undefined);
        },
      }),
    };
  }

  *#replaced(bench: Bench, broken: boolean): Generator<unknown, unknown> {
    yield replaceBody(this.#file(bench, broken));
    return yield* this.#all();
  }

  async *#stubborn(bench: Bench): AsyncGenerator {
    await bench.stubborn();
    this.#fail();
    yield replaceBody(this.#file(bench, true));
  }

  /** Something like a file: open from the beginning, and to be closed in the end, whether it is read or not. */
  #file(bench: Bench, broken: boolean): Readable {
    const end = bench.hold('stream');
    let pieces = 0;
    return new Readable({
      construct(done) {
        process.nextTick(done, broken ? new Error('No such file.') : undefined);
      },
      read() {
        this.push(pieces++ < 3 ? Buffer.alloc(40_000, 'y') : null);
      },
      destroy(error, done) {
        end();
        done(error);
      },
    });
  }

  async *#body(bench: Bench, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const end = bench.hold('slow body');
    try {
      for (let piece = 0; piece < 3; piece++) {
        await bench.wait(this.#delay, signal);
        yield Buffer.alloc(50_000, 'x');
      }
      this.#fail();
    } finally {
      end();
    }
  }
}

/** What a function may do: most often something simple. */
export const anyPlan: fc.Arbitrary<Plan> = fc
  .tuple(
    fc.constantFrom(...SHAPES),
    fc.array(answerName, { minLength: 1, maxLength: 3 }),
    fc.constantFrom(...DELAYS),
    fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  )
  .map((parts) => new Plan(...parts));
