import fc from 'fast-check';
import {
  EMPTY,
  NEVER,
  Observable,
  type OperatorFunction,
  filter as keep,
  from,
  identity,
  map,
  of,
  pipe,
  take,
  tap,
  timer,
} from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import {
  compose,
  observe,
  on,
  perConnection,
  perMessage,
  answer,
  requireRights,
  accept,
  allow,
  reject,
  tempfail,
  type Flow,
  type MilterEvent,
  addHeader,
  quarantine,
  type Stage,
  SMFIF,
} from 'rxmilter';
import { describe, expect, it, vi } from 'vitest';

import { FlowObservable, stepsOf, tagsOf } from '../../src/operators/core/filter.js';
import { EVERYTHING, NO_TAGS } from '../../src/session/negotiation/tags.js';
import { BIT, STAGES } from '../../src/session/stage.js';
import {
  abort,
  body,
  close,
  connect,
  data,
  decided,
  eoh,
  eom,
  header,
  helo,
  mail,
  rcpt,
  unknown,
} from '../support/events.js';
import { marbles } from '../support/marbles.js';
import { run } from './support/drawn.js';
import { expectQuiet } from './support/quiet.js';

const r = rcpt();
const m = mail();
const e = eom();
const x = abort();
const seen = addHeader('X-Seen', 'yes');
const held = quarantine('why');

describe('compose', () => {
  expectQuiet();

  it(
    'lets the first decision win, and asks nobody after it',
    marbles(({ hot, expectObservable, expectSubscriptions, flush }) => {
      const source = hot('  -r-m-|', { r, m });
      const subs = '        ^----!';
      const expected = '    -R-M-|';
      const late = vi.fn(() => tempfail());
      const filter = compose(
        on('rcpt', () => undefined),
        on('rcpt', () => reject()),
        on(['mail', 'rcpt'], late),
      );
      expectObservable(source.pipe(filter)).toBe(expected, {
        R: decided(r, reject()),
        M: decided(m, tempfail()),
      });
      expectSubscriptions(source.subscriptions).toBe(subs);
      flush();
      expect(late).toHaveBeenCalledOnce();
    }),
  );

  it(
    'lets allow() win over those after it',
    marbles(({ hot, expectObservable }) => {
      const source = hot('  -r-|', { r });
      const expected = '    -R-|';
      const filter = compose(
        on('rcpt', () => allow()),
        on('rcpt', () => reject()),
      );
      expectObservable(source.pipe(filter)).toBe(expected, { R: decided(r, allow()) });
    }),
  );

  it(
    'shows later filters the modifications of earlier ones, and puts them all into the reply',
    marbles(({ hot, expectObservable, flush }) => {
      const source = hot('  -e-|', { e });
      const expected = '    -E-|';
      const look = vi.fn();
      const filter = compose(
        on('eom', () => seen),
        observe('eom', ({ modifications }) => look(modifications) as undefined),
        on('eom', ({ modifications }) => (modifications.includes(seen) ? [held, accept()] : undefined)),
      );
      expectObservable(source.pipe(filter)).toBe(expected, {
        E: decided(eom({ modifications: [seen] }), accept(), seen, held),
      });
      flush();
      expect(look).toHaveBeenCalledWith([seen]);
    }),
  );

  it(
    'keeps the order where one takes its time, and cancels on abort whichever runs',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('  -r------r----x--|', { r, x });
      const first = cold<undefined>('   --|              ');
      const second = cold('    ----n          ', { n: reject() });
      const expected = '    -------R-----x--|';
      const filter = compose(
        on('rcpt', () => first),
        on('rcpt', () => second),
      );
      expectObservable(source.pipe(filter)).toBe(expected, { R: decided(r, reject()), x });
      expectSubscriptions(first.subscriptions).toBe(['-^-!', '--------^-!']);
      expectSubscriptions(second.subscriptions).toBe(['---^---!', '----------^--!']);
    }),
  );

  it(
    'is the identity without filters',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -r-x-e-#', { r, x, e });
      const subs = '        ^------!';
      const expected = '    -r-x-e-#';
      expectObservable(source.pipe(compose())).toBe(expected, { r, x, e });
      expectSubscriptions(source.subscriptions).toBe(subs);
    }),
  );

  it('hands on the very event that nobody decided', () => {
    const filter = compose(
      on('rcpt', () => undefined),
      observe('rcpt', () => undefined),
      perMessage(() => on('rcpt', () => of(undefined))),
      map((flow) => flow),
    );
    const { source, out } = run(filter);
    source.next(r);
    expect(out[0]).toBe(r);
  });

  it('unites what its filters need', () => {
    const tags = (filter: OperatorFunction<Flow, Flow>): unknown => tagsOf(stepsOf(filter));
    const filter = compose(
      on(['mail', 'rcpt'], () => undefined),
      observe(['rcpt', 'header', 'abort'], () => undefined),
      perMessage(() =>
        compose(
          observe('body', () => undefined),
          on('eom', () => undefined),
        ),
      ),
      requireRights(
        ['CHGBODY'],
        requireRights(
          ['ADDHDRS'],
          on('connect', () => undefined),
        ),
      ),
    );
    expect(tags(filter)).toEqual({
      decides: BIT.mail | BIT.rcpt | BIT.eom | BIT.connect,
      observes: BIT.rcpt | BIT.header | BIT.body,
      wishes: [
        expect.objectContaining({ rights: SMFIF.CHGBODY, required: true }),
        expect.objectContaining({ rights: SMFIF.ADDHDRS, required: true }),
      ],
      readers: 1,
    });
    expect(tags(compose())).toEqual(NO_TAGS);
    expect(tags(compose(identity, filter, tap(), identity))).toEqual(tags(filter));
    expect(
      tags(
        compose(
          filter,
          map((flow) => flow),
        ),
      ),
    ).toEqual({
      ...EVERYTHING,
      observes: BIT.rcpt | BIT.header | BIT.body,
      wishes: [
        expect.objectContaining({ rights: SMFIF.CHGBODY, required: true }),
        expect.objectContaining({ rights: SMFIF.ADDHDRS, required: true }),
      ],
    });
    expect(tags(perConnection(() => (events) => events))).toEqual(EVERYTHING);
  });

  it('makes one of neighbours, with RxJS pipe() as well', () => {
    const source = new Observable<Flow>();
    const a = on('mail', () => undefined);
    const b = on('rcpt', () => undefined);
    for (const piped of [
      source.pipe(a, b),
      pipe(a, b)(source),
      source.pipe(compose(a, b)),
      source.pipe(a).pipe(b),
    ]) {
      expect(piped).toBeInstanceOf(FlowObservable);
      expect(piped).toHaveProperty('origin', source);
      expect(piped).toHaveProperty('steps.length', 2);
    }
    expect(
      source.pipe(
        a,
        map((flow) => flow),
      ),
    ).not.toBeInstanceOf(FlowObservable);
  });

  it('refuses what is no operator', () => {
    expect(() => compose(undefined as never)).toThrow(
      'compose(): argument 1 is undefined, and no filter. A filter is an RxJS operator',
    );
    expect(() =>
      compose(
        on('rcpt', () => undefined),
        {} as never,
      ),
    ).toThrow('compose(): argument 2 is {}, and no filter.');
  });
});

describe('an operator of RxJS among filters', () => {
  expectQuiet();

  it(
    'gets all there is, replies of earlier filters included, and can decide',
    marbles(({ hot, expectObservable, expectSubscriptions, flush }) => {
      const source = hot('  -m-r-e-x-|', { m, r, e, x });
      const subs = '        ^--------!';
      const expected = '    -M-R-E-x-|';
      const got: string[] = [];
      const filter = compose(
        on('mail', () => allow()),
        tap(({ stage }) => got.push(stage)),
        map((flow) => (flow.stage === 'rcpt' ? answer(flow, reject()) : flow)),
        on(['rcpt', 'eom'], () => tempfail()),
      );
      expectObservable(source.pipe(filter)).toBe(expected, {
        M: decided(m, allow()),
        R: decided(r, reject()),
        E: decided(e, tempfail()),
        x,
      });
      expectSubscriptions(source.subscriptions).toBe(subs);
      flush();
      expect(got).toEqual(['reply', 'rcpt', 'eom', 'abort']);
    }),
  );

  it(
    'ends all with its error, and what runs is cancelled',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('  -r-m-r-', { r, m });
      const answers = cold(' ----n  ', { n: reject() });
      const subs = '        ^--!   ';
      const inner = '       -^-!   ';
      const expected = '    ---#   ';
      const filter = compose(
        on('rcpt', () => answers),
        map((flow) => {
          if (flow.stage === 'mail') throw 'error' as unknown as Error;
          return flow;
        }),
      );
      expectObservable(source.pipe(filter)).toBe(expected);
      expectSubscriptions(source.subscriptions).toBe(subs);
      expectSubscriptions(answers.subscriptions).toBe(inner);
    }),
  );

  it(
    'ends all where it completes early',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -m-r-r-', { r, m });
      const subs = '        ^--!   ';
      const expected = '    -m-(R|)';
      const filter = compose(
        on('rcpt', () => reject()),
        take(2),
      );
      expectObservable(source.pipe(filter)).toBe(expected, { m, R: decided(r, reject()) });
      expectSubscriptions(source.subscriptions).toBe(subs);
    }),
  );

  it(
    'may swallow, delay and add',
    marbles(({ hot, expectObservable }) => {
      const source = hot('  -m-r------|', { m, r });
      const expected = '    m----R----|';
      const filter = compose(
        keep((flow) => flow.stage !== 'mail'),
        (events) =>
          new Observable<Flow>((subscriber) => {
            subscriber.next(m);
            return events.subscribe(subscriber);
          }),
        on('rcpt', () => timer(2).pipe(map(() => reject()))),
      );
      expectObservable(source.pipe(filter)).toBe(expected, { m, R: decided(r, reject()) });
    }),
  );

  it('errors the stream at its first event where it throws when called, or gives no Observable', () => {
    const thrown = run(
      compose(() => {
        throw new Error('broken');
      }),
    );
    thrown.source.next(r);
    expect(thrown.errors).toEqual([expect.objectContaining({ cause: new Error('broken') })]);
    const nothing = run(compose((() => undefined) as never));
    nothing.source.next(r);
    expect(nothing.errors).toEqual([expect.any(TypeError)]);
    expect(run(compose(() => EMPTY)).completed).toBe(true);
  });

  it.each([
    ['undefined', undefined, 'undefined'],
    ['null', null, 'an object without a stage'],
    ['a text', 'no', 'no'],
    ['a decision', reject(), 'an object without a stage'],
    ['a stage that there is not', { stage: 'bodyeob' }, 'an object without a stage'],
    ['a reply to nothing', { stage: 'reply', decision: reject() }, 'an object without a stage'],
  ])('errors the stream where it emits %s, wherever it stands', (_name, garbage, what) => {
    const forgets = map((flow: Flow) => (flow.stage === 'rcpt' ? (garbage as unknown as Flow) : flow));
    const last = on('eom', () => undefined);
    const error = new TypeError(
      `An operator of the pipeline emitted ${what} instead of an event or a reply. ` +
        'What it leaves undecided it has to emit as it came.',
    );
    for (const filter of [
      compose(forgets),
      compose(last, forgets, last),
      pipe(forgets, last),
      pipe(last, forgets, last),
    ]) {
      const { source, out, errors } = run(filter);
      source.next(m);
      source.next(r);
      expect(out).toEqual([m]);
      expect(errors).toEqual([error]);
    }
  });
});

describe('a filter on a source that speaks at once', () => {
  expectQuiet();

  it('stops it as soon as nobody wants more', () => {
    const pulled: number[] = [];
    function* events(): Generator<Flow> {
      for (let count = 1; ; count++) {
        pulled.push(count);
        yield rcpt(`${count}@example.org`);
      }
    }
    const project = vi.fn(() => reject());
    const out: Flow[] = [];
    from(events())
      .pipe(
        on('rcpt', project),
        observe('rcpt', () => undefined),
        take(2),
      )
      .subscribe((flow) => out.push(flow));
    expect(out).toHaveLength(2);
    expect(project).toHaveBeenCalledTimes(2);
    expect(pulled).toEqual([1, 2]);
  });

  it('lets a filter that completes at once unsubscribe from it', () => {
    const teardown = vi.fn();
    const source = new Observable<Flow>(() => teardown);
    source.pipe(compose(() => EMPTY)).subscribe();
    expect(teardown).toHaveBeenCalledOnce();
    source
      .pipe(compose(() => NEVER))
      .subscribe()
      .unsubscribe();
    expect(teardown).toHaveBeenCalledTimes(2);
  });
});

/** What a random filter does with the n-th event that it gets. */
type Act = 'nothing' | 'modify' | 'allow' | 'reject' | 'both' | 'throw';
interface Plan {
  readonly kind: 'on' | 'observe' | 'perMessage' | 'perConnection' | 'raw';
  readonly stages: readonly Stage[];
  readonly acts: readonly Act[];
  /** Frames that it takes; 0 is at once. */
  readonly delay: number;
}

function act(what: Act, stage: Stage): readonly (ReturnType<typeof reject> | ReturnType<typeof allow>)[] {
  const change = stage === 'eom' ? [seen as never] : [];
  switch (what) {
    case 'nothing':
      return [];
    case 'modify':
      return change;
    case 'allow':
      return [allow()];
    case 'reject':
      return [reject(stage)];
    case 'both':
      return [...change, allow()];
    case 'throw':
      throw new Error('broken');
  }
}

function build({ kind, stages, acts, delay }: Plan): OperatorFunction<Flow, Flow> {
  const decide = (): OperatorFunction<Flow, Flow> => {
    let count = 0;
    return on(stages, ({ stage }) => {
      const now = (): ReturnType<typeof act> => act(acts[count++ % acts.length] ?? 'nothing', stage);
      return delay === 0 ? now() : timer(delay).pipe(map(now));
    });
  };
  switch (kind) {
    case 'on':
      return decide();
    case 'observe':
      return observe(stages, () => undefined);
    case 'perMessage':
      return perMessage(decide);
    case 'perConnection':
      return perConnection(decide);
    case 'raw':
      return map((flow) =>
        flow.stage === stages[0] && acts[0] === 'reject' ? answer(flow, reject('raw')) : flow,
      );
  }
}

/** Hides what a source is made of, so that nothing can be fused with it. */
function apart(source: Observable<Flow>): Observable<Flow> {
  return new Observable((subscriber) => source.subscribe(subscriber));
}

const EVENTS: readonly MilterEvent[] = [
  connect(),
  helo(),
  m,
  r,
  data(),
  header(),
  eoh(),
  body(),
  e,
  unknown(),
  x,
  close(),
];

/** What comes out, and when, of events that come at these times. */
function record(
  filter: OperatorFunction<Flow, Flow>,
  events: readonly (readonly [number, MilterEvent])[],
): unknown {
  const seen: unknown[] = [];
  const scheduler = new TestScheduler(() => undefined);
  scheduler.run(({ hot }) => {
    const values: Record<string, Flow> = {};
    let drawing = '';
    for (const [gap, event] of events) {
      const letter = String.fromCharCode(0x100 + EVENTS.indexOf(event));
      values[letter] = event;
      drawing += '-'.repeat(gap) + letter;
    }
    hot(`${drawing}---|`, values)
      .pipe(filter)
      .subscribe({
        next: (flow) => seen.push([scheduler.now(), flow]),
        error: (error: unknown) => seen.push([scheduler.now(), 'error', error]),
        complete: () => seen.push([scheduler.now(), 'complete']),
      });
  });
  return seen;
}

describe('fusing', () => {
  expectQuiet();

  const plan: fc.Arbitrary<Plan> = fc.record({
    kind: fc.constantFrom('on', 'on', 'observe', 'perMessage', 'perConnection', 'raw'),
    stages: fc.uniqueArray(fc.constantFrom(...STAGES), { minLength: 1, maxLength: 5 }),
    acts: fc.array(fc.constantFrom('nothing', 'modify', 'allow', 'reject', 'both', 'throw'), {
      minLength: 1,
      maxLength: 3,
    }),
    delay: fc.constantFrom(0, 0, 0, 1, 3),
  });
  const events = fc.array(fc.tuple(fc.constantFrom(0, 1, 4), fc.constantFrom(...EVENTS)), { maxLength: 20 });

  it('makes no difference to what comes out, nor when', () => {
    fc.assert(
      fc.property(fc.array(plan, { maxLength: 4 }), events, (plans, sequence) => {
        const make = (): OperatorFunction<Flow, Flow>[] => plans.map(build);
        const fused = record(compose(...make()), sequence);
        const piped = record((source) => make().reduce((piping, next) => next(piping), source), sequence);
        const unfused = record(
          (source) => make().reduce((piping, next) => apart(next(piping)), source),
          sequence,
        );
        expect(piped).toEqual(fused);
        expect(unfused).toEqual(fused);
      }),
      { numRuns: 300, seed: 1 },
    );
  });
});
