import fc from 'fast-check';
import {
  EMPTY,
  NEVER,
  asyncScheduler,
  concat,
  concatMap,
  defer,
  delay,
  filter,
  interval,
  map,
  mergeMap,
  observeOn,
  of,
  switchMap,
  take,
  tap,
  throwError,
  timer,
  type Observable,
  type OperatorFunction,
} from 'rxjs';
import {
  compose,
  observe,
  on,
  perConnection,
  perMessage,
  answer,
  type Flow,
  type MilterEvent,
  type Stage,
  type StageEvent,
} from 'rxmilter';

import { makeAnswer } from './any-answer.js';
import { anyPlan, type Plan } from './any-plan.js';
import type { Bench } from './bench.js';

type Operator = OperatorFunction<Flow, Flow>;

const STAGES: readonly Stage[] = [
  'connect',
  'helo',
  'mail',
  'rcpt',
  'data',
  'header',
  'eoh',
  'body',
  'eom',
  'unknown',
];

/** A filter that can be made, and said in words. */
export class FilterPlan {
  readonly #words: string;
  readonly make: (bench: Bench) => Operator;
  /** Whether it may end the pipeline, which closes the connection. */
  readonly breaks: boolean;
  /** Whether it leaves everything undecided once its functions do. */
  readonly heals: boolean;

  constructor(
    words: string,
    make: (bench: Bench) => Operator,
    nature: { breaks?: boolean; heals?: boolean } = {},
  ) {
    this.#words = words;
    this.make = make;
    this.breaks = nature.breaks ?? false;
    this.heals = nature.heals ?? true;
  }

  toString(): string {
    return this.#words;
  }
}

/**
 * Streams for `on` with a latest value; whether there is ever one. Three filters that wait for one after the other have it
 * within the reply timeout.
 */
const LATEST: Readonly<Record<string, { source: () => Observable<number>; valued: boolean }>> = {
  'a value': { source: () => of(1), valued: true },
  'a value after 200 ms': { source: () => timer(200), valued: true },
  'a value every 300 ms': { source: () => interval(300), valued: true },
  'a value, then an error': {
    source: () =>
      concat(
        of(1),
        throwError(() => new Error('latest')),
      ),
    valued: true,
  },
  'never a value': { source: () => NEVER, valued: false },
  'no value': { source: () => EMPTY, valued: false },
  'an error': { source: () => throwError(() => new Error('latest')), valued: false },
  'an error after 200 ms': {
    source: () => timer(200).pipe(mergeMap(() => throwError(() => new Error('latest')))),
    valued: false,
  },
};

const stages = fc.subarray([...STAGES], { minLength: 1 });
const plans = fc.array(anyPlan, { minLength: 1, maxLength: 4 });

function caller(bench: Bench, list: readonly Plan[]): (signal: AbortSignal) => unknown {
  let calls = 0;
  return (signal) => (bench.quiet ? undefined : list[calls++ % list.length]?.run(bench, signal));
}

const anyOn = fc.tuple(stages, plans).map(
  ([at, list]) =>
    new FilterPlan(`on(${at.join(' ')}: ${list.join(' | ')})`, (bench) => {
      const call = caller(bench, list);
      return on(at, (_event, { signal }) => call(signal) as never);
    }),
);

const anyLatest = fc.tuple(stages, fc.constantFrom(...Object.keys(LATEST)), plans).map(([at, name, list]) => {
  const { source, valued } = LATEST[name] ?? { source: () => EMPTY, valued: false };
  return new FilterPlan(
    `on(${at.join(' ')}, ${name}: ${list.join(' | ')})`,
    (bench) => {
      const call = caller(bench, list);
      return on(
        at,
        bench.watch(`latest, ${name}`, source()),
        (_event, _latest, { signal }) => call(signal) as never,
      );
    },
    { heals: valued },
  );
});

const LOOKS: Readonly<Record<string, () => unknown>> = {
  nothing: () => undefined,
  throws: () => {
    throw new Error('look');
  },
  rejects: () => Promise.reject(new Error('look')),
  'rejects in the end': () => ({
    then: (_done: unknown, failed: (error: unknown) => void) => {
      failed(new Error('look'));
    },
  }),
  'an answer': () => makeAnswer('reject()'),
};
const anyObserve = fc
  .tuple(
    fc.subarray<MilterEvent['stage']>([...STAGES, 'abort', 'close'], { minLength: 1 }),
    fc.constantFrom(...Object.keys(LOOKS)),
  )
  .map(
    ([at, name]) =>
      new FilterPlan(`observe(${at.join(' ')}: ${name})`, (bench) =>
        observe(at, (() => (bench.quiet ? undefined : LOOKS[name]?.())) as never),
      ),
  );

/** Only while it may be difficult; else, and for what is no event, the flow as it is. */
function sometimes(bench: Bench, run: (event: StageEvent) => Flow): (flow: Flow) => Flow {
  let calls = 0;
  return (flow) => {
    if (bench.quiet || flow.stage === 'reply' || flow.stage === 'abort' || flow.stage === 'close')
      return flow;
    return calls++ % 2 === 0 ? run(flow) : flow;
  };
}

/** Operators that somebody might write, well or badly. */
const OWN: Readonly<Record<string, (bench: Bench) => Operator>> = {
  pass: () => tap(),
  'rejects by reply()': (bench) =>
    map(sometimes(bench, (event) => answer(event as never, makeAnswer('reject()') as never) as Flow)),
  'proceeds with modifications': (bench) =>
    map(
      sometimes(
        bench,
        (to) =>
          ({
            stage: 'reply',
            to,
            decision: makeAnswer('allow()'),
            modifications: [makeAnswer('addHeader')],
          }) as never,
      ),
    ),
  'decides nonsense': (bench) =>
    map(
      sometimes(
        bench,
        (to) => ({ stage: 'reply', to, decision: { kind: 'shutdown' }, modifications: [] }) as never,
      ),
    ),
  'decides nothing': (bench) => map(sometimes(bench, (to) => ({ stage: 'reply', to }) as never)),
  'decides without modifications': (bench) =>
    map(sometimes(bench, (to) => ({ stage: 'reply', to, decision: makeAnswer('accept()') }) as never)),
  'decides a stranger': (bench) =>
    map(
      sometimes(
        bench,
        ({ stage }) =>
          ({ stage: 'reply', to: { stage }, decision: makeAnswer('reject()'), modifications: [] }) as never,
      ),
    ),
  'emits a copy': () => map((flow) => ({ ...flow })),
  'emits another stage': (bench) => map(sometimes(bench, (event) => ({ ...event, stage: 'abort' }) as never)),
  'emits odd modifications': (bench) =>
    map(sometimes(bench, (event) => ({ ...event, modifications: 42 }) as never)),
  'emits all twice': () => concatMap((flow) => of(flow, flow)),
  'repeats the one before': () => {
    let before: Flow | undefined;
    return concatMap((flow) => {
      const both = before === undefined ? [flow] : [before, flow];
      before = flow;
      return both;
    });
  },
  'swallows some': (bench) => {
    let calls = 0;
    return filter(() => bench.quiet || calls++ % 3 !== 0);
  },
  'swallows aborts': () => filter(({ stage }) => stage !== 'abort'),
  'slow in order': () => concatMap((flow) => of(flow).pipe(delay(50))),
  'slow, newest only': () => switchMap((flow) => of(flow).pipe(delay(50))),
  'slow, all at once': () => mergeMap((flow) => of(flow).pipe(delay(flow.stage === 'abort' ? 0 : 60))),
  'on another turn': () => observeOn(asyncScheduler),
};
const BREAKING: Readonly<Record<string, (bench: Bench) => Operator>> = {
  'throws at the fourth': () =>
    map((flow, index) => {
      if (index === 3) throw new Error('own');
      return flow;
    }),
  'completes after three': () => take(3),
  'emits undefined': () => map((flow, index) => (index === 2 ? (undefined as never) : flow)),
  'throws when it is subscribed to': () => () =>
    defer((): Observable<Flow> => {
      throw new Error('own');
    }),
  'is empty': () => () => EMPTY,
  'has a teardown that throws': () => (source) =>
    source.pipe(
      switchMap((flow) =>
        concat(of(flow), NEVER).pipe((inner) => {
          return inner.pipe(
            tap({
              unsubscribe: () => {
                throw new Error('teardown');
              },
            }),
          );
        }),
      ),
    ),
};
const anyOwn = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .constantFrom(...Object.keys(OWN))
      .map((name) => new FilterPlan(name, (bench) => OWN[name]?.(bench) ?? tap())),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(...Object.keys(BREAKING))
      .map(
        (name) =>
          new FilterPlan(name, (bench) => BREAKING[name]?.(bench) ?? tap(), { breaks: true, heals: false }),
      ),
  },
);

/** Several filters as one. */
function together(words: string, parts: readonly FilterPlan[], make: (bench: Bench) => Operator): FilterPlan {
  return new FilterPlan(`${words}(${parts.join(', ')})`, make, {
    breaks: parts.some(({ breaks }) => breaks),
    heals: parts.every(({ heals }) => heals),
  });
}

function scoped(part: FilterPlan, message: boolean, throwing: boolean): FilterPlan {
  const words = `${message ? 'perMessage' : 'perConnection'}${throwing ? ', factory that throws at times' : ''}`;
  return together(words, [part], (bench) => {
    let calls = 0;
    const factory = (): Operator => {
      if (throwing && !bench.quiet && calls++ % 3 === 1) throw new Error('factory');
      return part.make(bench);
    };
    return message ? perMessage(factory) : perConnection(factory);
  });
}

const leaf = fc.oneof(
  { weight: 5, arbitrary: anyOn },
  { weight: 2, arbitrary: anyLatest },
  { weight: 1, arbitrary: anyObserve },
  { weight: 1, arbitrary: anyOwn },
);
const scopedLeaf = fc.tuple(leaf, fc.boolean(), fc.boolean()).map((parts) => scoped(...parts));
const part = fc.oneof({ weight: 4, arbitrary: leaf }, { weight: 1, arbitrary: scopedLeaf });

/** A filter of one to four parts, put together either way. */
export const anyFilter: fc.Arbitrary<FilterPlan> = fc
  .tuple(
    fc.array(part, { minLength: 1, maxLength: 4, size: 'max' }),
    fc.boolean(),
    fc.boolean(),
    fc.boolean(),
  )
  .map(([parts, piped, wrapped, message]) => {
    const all = together(piped ? 'pipe' : 'compose', parts, (bench) => {
      const made = parts.map((one) => one.make(bench));
      return piped ? (source) => made.reduce((flow, one) => flow.pipe(one), source) : compose(...made);
    });
    return wrapped && !piped ? scoped(all, message, false) : all;
  });
