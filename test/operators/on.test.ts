import { map } from 'rxjs';
import {
  on,
  accept,
  discard,
  allow,
  reject,
  skip,
  tempfail,
  type Flow,
  addHeader,
  quarantine,
  type Stage,
} from 'rxmilter';
import { describe, expect, it, vi } from 'vitest';

import { STAGES } from '../../src/session/stage.js';
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

/** Lower case: an event. Upper case: the reply to it. */
const c = connect();
const m = mail();
const r = rcpt('known@example.org');
const s = rcpt('stranger@example.org');
const e = eom();
const x = abort();
const q = close();
const EVERY = [c, helo(), m, r, data(), header(), eoh(), body(), e, unknown(), x, q];

const seen = addHeader('X-Seen', 'yes');
const held = quarantine('why');

describe('on, answering at once', () => {
  expectQuiet();

  it(
    'passes everything on when the project returns nothing',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -c-m-r-s-e-q-|', { c, m, r, s, e, q });
      const subs = '        ^------------!';
      const expected = '    -c-m-r-s-e-q-|';
      const filter = on(STAGES, () => undefined);
      expectObservable(source.pipe(filter)).toBe(expected, { c, m, r, s, e, q });
      expectSubscriptions(source.subscriptions).toBe(subs);
    }),
  );

  it(
    'takes false for nothing, as a condition before a decision leaves it',
    marbles(({ hot, expectObservable }) => {
      const source = hot('  -r-s-|', { r, s });
      const expected = '    -r-S-|';
      const filter = on('rcpt', ({ address }) => address === 'stranger@example.org' && reject());
      expectObservable(source.pipe(filter)).toBe(expected, { r, S: decided(s, reject()) });
    }),
  );

  it(
    'makes a reply of the event that the project decides',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -c-m-r-s-e-q-|', { c, m, r, s, e, q });
      const subs = '        ^------------!';
      const expected = '    -c-m-r-S-e-q-|';
      const filter = on('rcpt', ({ address }) =>
        address === 'stranger@example.org' ? reject('no such user') : undefined,
      );
      const S = decided(s, reject('no such user'));
      expectObservable(source.pipe(filter)).toBe(expected, { c, m, r, S, e, q });
      expectSubscriptions(source.subscriptions).toBe(subs);
    }),
  );

  it(
    'decides several stages',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -c-m-r-e-|', { c, m, r, e });
      const subs = '        ^--------!';
      const expected = '    -c-M-R-e-|';
      const filter = on(['mail', 'rcpt'], ({ address }) => tempfail(address));
      const values = { c, M: decided(m, tempfail(m.address)), R: decided(r, tempfail(r.address)), e };
      expectObservable(source.pipe(filter)).toBe(expected, values);
      expectSubscriptions(source.subscriptions).toBe(subs);
    }),
  );

  it(
    'lets modifications without a decision travel on with the event',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -e-|', { e });
      const subs = '        ^--!';
      const expected = '    -f-|';
      expectObservable(source.pipe(on('eom', () => seen))).toBe(expected, {
        f: eom({ modifications: [seen] }),
      });
      expectSubscriptions(source.subscriptions).toBe(subs);
    }),
  );

  it(
    'puts modifications and the decision of one array into one reply',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -e-|', { e });
      const subs = '        ^--!';
      const expected = '    -E-|';
      expectObservable(source.pipe(on('eom', () => [seen, held, accept()]))).toBe(expected, {
        E: decided(e, accept(), seen, held),
      });
      expectSubscriptions(source.subscriptions).toBe(subs);
    }),
  );

  it(
    'adds to the modifications that are on the event already, in order',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const before = eom({ modifications: [seen] });
      const source = hot('  -a-b-|', { a: before, b: before });
      const subs = '        ^----!';
      const expected = '    -c-D-|';
      const answers = [[held], [held, accept()]];
      expectObservable(source.pipe(on('eom', () => answers.shift()))).toBe(expected, {
        c: eom({ modifications: [seen, held] }),
        D: decided(before, accept(), seen, held),
      });
      expectSubscriptions(source.subscriptions).toBe(subs);
    }),
  );

  it(
    'leaves a reply of an earlier filter alone',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const R = decided(r, allow());
      const source = hot('  -R-s-|', { R, s });
      const subs = '        ^----!';
      const expected = '    -R-S-|';
      expectObservable(source.pipe(on('rcpt', () => reject()))).toBe(expected, {
        R,
        S: decided(s, reject()),
      });
      expectSubscriptions(source.subscriptions).toBe(subs);
    }),
  );

  it(
    'answers what the project throws at with the failure decision, and lives on',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -r-s-r-|', { r, s });
      const subs = '        ^------!';
      const expected = '    -r-S-r-|';
      const filter = on('rcpt', ({ address }) => {
        if (address === s.address) throw new Error('broken');
      });
      expectObservable(source.pipe(filter)).toBe(expected, { r, S: decided(s, tempfail()) });
      expectSubscriptions(source.subscriptions).toBe(subs);
    }),
  );

  it(
    'passes an error of the source on',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -r-#', { r });
      const subs = '        ^--!';
      const expected = '    -R-#';
      expectObservable(source.pipe(on('rcpt', () => reject()))).toBe(expected, { R: decided(r, reject()) });
      expectSubscriptions(source.subscriptions).toBe(subs);
    }),
  );

  it(
    'unsubscribes from the source when it is unsubscribed, and calls nobody from then on',
    marbles(({ hot, expectObservable, expectSubscriptions, flush }) => {
      const source = hot('  -r-r-r-r-|', { r });
      const subs = '        ^---!     ';
      const unsub = '       ----!     ';
      const expected = '    -R-R-     ';
      const project = vi.fn(() => reject());
      expectObservable(source.pipe(on('rcpt', project)), unsub).toBe(expected, { R: decided(r, reject()) });
      expectSubscriptions(source.subscriptions).toBe(subs);
      flush();
      expect(project).toHaveBeenCalledTimes(2);
    }),
  );

  it(
    'subscribes to its source anew for each subscription',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold(' -r-|', { r });
      const subs = ['       ^--!', '--^--!'];
      const filtered = source.pipe(on('rcpt', () => reject()));
      const R = decided(r, reject());
      expectObservable(filtered, '^').toBe('  -R-|', { R });
      expectObservable(filtered, '--^').toBe('---R-|', { R });
      expectSubscriptions(source.subscriptions).toBe(subs);
    }),
  );

  it.each(STAGES)('sees the events at %s, and no others', (stage) => {
    const project = vi.fn();
    const { source, out } = run(on(stage, project));
    for (const event of EVERY) source.next(event);
    expect(project.mock.calls.map(([event]) => event as Flow)).toEqual([
      EVERY.find((event) => event.stage === stage),
    ]);
    expect(out).toEqual(EVERY);
  });

  it('hands on the very event that nobody decided', () => {
    const { source, out } = run(on(STAGES, () => undefined));
    for (const event of EVERY) source.next(event);
    expect(out).toHaveLength(EVERY.length);
    out.forEach((flow, index) => {
      expect(flow).toBe(EVERY[index]);
    });
  });

  it('hands the very event to the project, and keeps it in the reply', () => {
    const project = vi.fn(() => reject());
    const { source, out } = run(on('rcpt', project));
    source.next(r);
    expect(project.mock.calls[0]).toHaveLength(3);
    expect(project.mock.lastCall?.[0 as never]).toBe(r);
    expect(out[0]).toHaveProperty('to', r);
    expect((out[0] as { to: unknown }).to).toBe(r);
  });

  it.each([
    ['null', null],
    ['an empty array', []],
    ['an array of nothing', [undefined, null]],
    ['an empty set', new Set()],
  ])('takes %s for nothing', (_name, answer) => {
    const { source, out } = run(on('rcpt', () => answer as never));
    source.next(r);
    expect(out).toEqual([r]);
    expect(out[0]).toBe(r);
  });

  it('reads an iterable up to the first decision, and finishes it', () => {
    const read: string[] = [];
    function* answers(): Generator<ReturnType<typeof reject> | ReturnType<typeof addHeader>> {
      try {
        read.push('first');
        yield seen;
        read.push('second');
        yield reject();
        read.push('third');
        yield reject();
      } finally {
        read.push('finished');
      }
    }
    const { source, out } = run(on('eom', answers));
    source.next(e);
    expect(out).toEqual([decided(e, reject(), seen)]);
    expect(read).toEqual(['first', 'second', 'finished']);
  });

  it('takes what a generator returns for its last answer', () => {
    const { source, out } = run(
      on('eom', function* () {
        yield seen;
        return accept();
      }),
    );
    source.next(e);
    expect(out).toEqual([decided(e, accept(), seen)]);
  });

  it('answers with the failure decision what a generator throws at, without what it gave before', () => {
    const { source, out } = run(
      on('eom', function* () {
        yield seen;
        throw new Error('broken');
      }),
    );
    source.next(e);
    source.next(r);
    expect(out).toEqual([decided(e, tempfail()), r]);
  });

  const everywhere = [allow(), reject(), tempfail()];
  const table: readonly (readonly [Stage, readonly object[]])[] = [
    ['connect', [...everywhere, accept()]],
    ['helo', [...everywhere, accept()]],
    ['mail', [...everywhere, accept(), discard()]],
    ['rcpt', [...everywhere, accept(), discard()]],
    ['data', [...everywhere, accept(), discard()]],
    ['header', [...everywhere, accept(), discard()]],
    ['eoh', [...everywhere, accept(), discard()]],
    ['body', [...everywhere, accept(), discard(), skip()]],
    ['eom', [...everywhere, accept(), discard(), seen, held]],
    ['unknown', everywhere],
  ];
  it.each(table)('takes at %s what may be answered there, and fails for the rest', (stage, legal) => {
    const event = EVERY.find((candidate) => candidate.stage === stage);
    for (const answer of [...everywhere, accept(), discard(), skip(), seen, held]) {
      const { source, out } = run(on(stage, () => answer as never));
      source.next(event as Flow);
      const [flow] = out;
      if (!legal.includes(answer))
        expect(flow).toEqual({ stage: 'reply', to: event, decision: tempfail(), modifications: [] });
      else if (answer === seen || answer === held)
        expect(flow).toEqual({ ...event, modifications: [answer] });
      else expect(flow).toEqual({ stage: 'reply', to: event, decision: answer, modifications: [] });
    }
  });

  it('works among the operators of RxJS', () => {
    const { source, out } = run((events) =>
      events.pipe(
        map((flow) => flow),
        on('rcpt', () => reject()),
        map((flow) => flow),
      ),
    );
    source.next(r);
    source.next(e);
    expect(out).toEqual([decided(r, reject()), e]);
  });
});
