import { Readable } from 'node:stream';
import {
  NEVER,
  Observable,
  type OperatorFunction,
  Subject,
  delay,
  map,
  mergeMap,
  of,
  throwError,
} from 'rxjs';
import {
  compose,
  deadline,
  observe,
  onMessage,
  on,
  perConnection,
  perMessage,
  answer,
  requireRights,
  type Difference,
  shadow,
  accept,
  discard,
  allow,
  reject,
  skip,
  tempfail,
  type Flow,
  addHeader,
  replaceBody,
  sessionData,
} from 'rxmilter';
import { contract } from 'rxmilter/testing';
import { describe, expect, it, vi } from 'vitest';

import { stepsOf, tagsOf } from '../../src/operators/core/filter.js';
import { type ShadowOptions } from '../../src/operators/shadow.js';
import { BIT, STAGES } from '../../src/session/stage.js';
import { abort, body, close, eom, mail, rcpt } from '../support/events.js';
import { marbles } from '../support/marbles.js';
import { run, settle } from './support/drawn.js';
import { expectQuiet } from './support/quiet.js';
import { OFFER, Wire } from './support/wire.js';

const m = mail();
const r = rcpt();
const e = eom();
const x = abort();
const q = close();

/** A difference in a line: stage, what would have been, what was. */
function line({ event, would, did }: Difference): string {
  const error = would.error === undefined ? '' : ` (${would.error.name})`;
  const changes = (list: readonly { kind: string }[]): string => list.map(({ kind }) => ` ${kind}`).join('');
  return (
    `${event.stage}: ${would.decision?.kind ?? '-'}${changes(would.modifications)}${error}` +
    `, not ${did.decision?.kind ?? '-'}${changes(did.modifications)}`
  );
}

/** A filter in the shadow before another one, and all that is told of it. */
function beside(
  filter: OperatorFunction<Flow, Flow>,
  enforced: OperatorFunction<Flow, Flow> = compose(),
  options: ShadowOptions = {},
): { wire: Wire; told: Difference[]; lines: () => string[] } {
  const told: Difference[] = [];
  const wire = new Wire().pipe(
    compose(
      shadow(filter, (one) => void told.push(one), options),
      enforced,
    ),
  );
  return { wire, told, lines: () => told.map(line) };
}

const CONTENT = ['header', 'eoh', 'body', 'eom'] as const;

describe('shadow', () => {
  expectQuiet();

  it(
    'lets everything pass when it comes, and as it is',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('  -m-r-e-q-|', { m, r, e, q });
      const slow = cold<never>('---#');
      expectObservable(
        source.pipe(
          shadow(
            compose(
              on('rcpt', () => slow),
              on('eom', () => addHeader('X', 'y')),
            ),
            () => undefined,
          ),
        ),
      ).toBe('              -m-r-e-q-|', { m, r, e, q });
      expectSubscriptions(slow.subscriptions).toBe('---^--!');
    }),
  );

  it(
    'tells of what it would have answered, when it would have, as marbles',
    marbles(({ hot, cold, expectObservable }) => {
      const source = hot('  -m-r-r-r--|', { m, r });
      const slow = cold('      --d', { d: reject('no') });
      const differences = new Observable<string>((subscriber) =>
        source
          .pipe(
            shadow(
              on('rcpt', () => slow),
              { next: (one) => subscriber.next(line(one)) },
            ),
          )
          .subscribe(),
      );
      expectObservable(differences).toBe('-----d-d-d', { d: 'rcpt: reject, not -' });
    }),
  );

  it('tells where the MTA was told otherwise, either way round, and nothing else', () => {
    const { wire, lines } = beside(
      on(['mail', 'rcpt'], ({ stage, address }) =>
        stage === 'mail' ? undefined : address === 'a@b.test' ? reject('new') : undefined,
      ),
      on('rcpt', ({ address }) => (address === 'b@b.test' ? reject('old') : undefined)),
    );
    wire.say('optneg', 'connect', 'helo', 'mail');
    for (const address of ['<a@b.test>', '<b@b.test>', '<c@b.test>'])
      wire.say({ type: 'rcpt', address, args: [] });
    expect(lines()).toEqual(['rcpt: reject, not allow', 'rcpt: -, not reject']);
  });

  it.each<[string, OperatorFunction<Flow, Flow>, OperatorFunction<Flow, Flow>, string[]]>([
    [
      'other words',
      on('rcpt', () => reject('a')),
      on('rcpt', () => reject('b')),
      ['rcpt: reject, not reject'],
    ],
    ['the same words', on('rcpt', () => reject('a')), on('rcpt', () => reject('a')), []],
    [
      'a refusal with words of the MTA',
      on('rcpt', () => reject()),
      on('rcpt', () => reject('a')),
      ['rcpt: reject, not reject'],
    ],
    [
      'now, and for good',
      on('rcpt', () => reject()),
      on('rcpt', () => tempfail()),
      ['rcpt: reject, not tempfail'],
    ],
    ['going on in as many words', on('rcpt', () => allow()), on('rcpt', () => undefined), []],
    [
      'accepting before the end',
      on('rcpt', () => accept()),
      on('rcpt', () => allow()),
      ['rcpt: accept, not allow'],
    ],
    ['accepting at the end', on('eom', () => accept()), on('eom', () => allow()), []],
    ['enough of the body', on('body', () => skip()), on('body', () => undefined), []],
    [
      'the same change',
      on('eom', () => addHeader('X', 'y')),
      on('eom', () => addHeader('X', Buffer.from('y'))),
      [],
    ],
    [
      'another change',
      on('eom', () => addHeader('X', 'y')),
      on('eom', () => addHeader('X', 'z')),
      ['eom: - addHeader, not allow addHeader'],
    ],
    [
      'another order',
      on('eom', () => [addHeader('X', 'y'), addHeader('Z', 'y')]),
      on('eom', () => [addHeader('Z', 'y'), addHeader('X', 'y')]),
      ['eom: - addHeader addHeader, not allow addHeader addHeader'],
    ],
    [
      'no change',
      on('eom', () => undefined),
      on('eom', () => addHeader('X', 'z')),
      ['eom: -, not allow addHeader'],
    ],
    [
      'changes of what does not pass',
      on('eom', () => [addHeader('X', 'y'), reject()]),
      on('eom', () => [addHeader('Z', 'y'), reject()]),
      [],
    ],
    [
      'what it only looks at',
      compose(
        observe('rcpt', () => undefined),
        on('mail', () => undefined),
      ),
      on('rcpt', () => reject()),
      [],
    ],
  ])('compares %s', (_what, filter, enforced, expected) => {
    const { wire, lines } = beside(filter, enforced);
    wire.say('optneg', 'connect', 'helo', 'mail', 'rcpt', ...CONTENT);
    expect(lines()).toEqual(expected);
  });

  it('knows what an earlier filter wants to change', () => {
    const told: Difference[] = [];
    const first = on('eom', () => addHeader('X-First', '1'));
    const rule = onMessage((message) => addHeader('X-Seen', message.headers.get('X-First') ?? 'none'));
    const filter = compose(
      first,
      shadow(rule, (one) => void told.push(one)),
      on('eom', () => addHeader('X-Seen', '1')),
    );
    new Wire().pipe(filter).say('optneg', 'connect', 'mail', 'rcpt', ...CONTENT);
    expect(told).toEqual([]);
  });

  it('costs no round trip, no right and nothing of the answers', () => {
    const everything = compose(
      on(STAGES, () => undefined),
      requireRights(
        ['CHGBODY'],
        on('eom', () => replaceBody('x')),
      ),
    );
    expect(tagsOf(stepsOf(shadow(everything, () => undefined)))).toEqual({
      decides: 0,
      observes:
        BIT.connect |
        BIT.helo |
        BIT.mail |
        BIT.rcpt |
        BIT.data |
        BIT.header |
        BIT.eoh |
        BIT.body |
        BIT.eom |
        BIT.unknown,
      wishes: [],
      readers: 1,
    });
    const { wire, lines } = beside(on(['mail', 'rcpt', 'eom'], () => reject('never said')));
    const offer = { ...OFFER, actions: 0 };
    expect(wire.say(offer, 'connect', 'helo', 'mail', 'rcpt').map(({ type }) => type)).toEqual(['optneg']);
    wire.say('quit');
    expect(lines()).toEqual(['mail: reject, not -']);
  });

  it('sees no more of a message that it would have ended, and the next one again', () => {
    const seen: string[] = [];
    const watched = observe(['mail', 'rcpt', 'header', 'eom'], ({ stage }) => void seen.push(stage));
    const { wire, lines } = beside(
      compose(
        watched,
        on('rcpt', () => reject()),
        on('header', () => discard()),
        on('eom', () => reject()),
      ),
    );
    wire.say('optneg', 'connect', 'mail', 'rcpt', 'rcpt', 'header', 'header', 'eoh', 'eom', 'mail');
    expect(seen).toEqual(['mail', 'rcpt', 'rcpt', 'header', 'mail']);
    expect(lines()).toEqual(['rcpt: reject, not -', 'rcpt: reject, not -', 'header: discard, not -']);
  });

  it('sees no more of a connection that it would have refused', () => {
    const { wire, lines } = beside(on(['helo', 'mail'], () => reject()));
    wire.say('optneg', 'connect', 'helo', 'mail', 'abort', 'mail', 'quitNc', 'connect', 'mail');
    expect(lines()).toEqual(['helo: reject, not -', 'mail: reject, not -']);
  });

  it('keeps messages of its own, with what the MTA has refused left out', () => {
    const counts: unknown[] = [];
    const { wire } = beside(
      compose(
        perMessage(() => {
          let count = 0;
          return compose(
            observe('rcpt', () => count++),
            on('eom', () => void counts.push(count)),
          );
        }),
        onMessage(({ recipients }) => void counts.push(recipients.length)),
      ),
      on('rcpt', ({ address }) => (address === 'bad@example.org' ? reject() : undefined)),
    );
    wire.say('optneg', 'connect');
    for (let round = 0; round < 2; round++) {
      wire.say('mail', 'rcpt', { type: 'rcpt', address: '<bad@example.org>', args: [] }, ...CONTENT);
    }
    expect(counts).toEqual([2, 1, 2, 1]);
  });

  it('gets one event at a time, however slow it is, and tells of each in its own time', async () => {
    const waiting: (() => void)[] = [];
    const seen: string[] = [];
    const { wire, told, lines } = beside(
      on(['mail', 'rcpt', 'body', 'eom'], async (event) => {
        seen.push(`${event.stage} ${event.session.macros.get('i') ?? ''} ${event.session.helo ?? ''}`);
        await new Promise<void>((resolve) => waiting.push(resolve));
        return event.stage === 'body' && Buffer.from(event.chunk).toString() !== 'hello\r\n'
          ? discard()
          : tempfail();
      }),
    );
    const chunk = Buffer.from('hello\r\n');
    wire.say(
      'optneg',
      'connect',
      'helo',
      { type: 'macro', target: 'M', macros: [['i', 'first']] },
      'mail',
      'rcpt',
    );
    wire.say('abort', { type: 'helo', text: 'other.example' });
    wire.say({ type: 'macro', target: 'M', macros: [['i', 'second']] }, 'mail', 'rcpt', 'header', 'eoh');
    wire.say({ type: 'body', data: chunk }, 'eom');
    chunk.fill(0);
    await settle();
    // What was aborted is not waited for: the second message has begun, and has its mail under way.
    expect(seen).toEqual(['mail first client.example', 'mail second other.example']);
    wire.say({ type: 'macro', target: 'M', macros: [['i', 'third']] }, 'mail');
    waiting[1]?.();
    await settle();
    expect(lines()).toEqual(['mail: tempfail, not -']);
    expect(told[0]?.session.macros.get('{i}')).toBe('second');
    expect(told[0]?.event.session).toBe(told[0]?.session);
    // It would have ended the second message there, and goes on with the third.
    expect(seen.at(-1)).toBe('mail third other.example');
    expect(told[0]?.session.macros.all()).toEqual({ i: 'second' });
  });

  it('is told of the body as it was, and of the message as a whole, when its time comes', async () => {
    const bodies: string[] = [];
    let go: () => void = () => undefined;
    const { wire, lines } = beside(
      compose(
        on('header', () => new Promise<void>((resolve) => (go = resolve))),
        onMessage(({ body, headers }) => {
          bodies.push(`${headers.get('Subject') ?? ''} ${String(body.size)}`);
          return addHeader('X', 'y');
        }),
      ),
    );
    wire.say('optneg', 'connect', 'mail', 'rcpt', 'header', 'eoh', 'body', 'body', 'eom', 'quit');
    await settle();
    expect(bodies).toEqual([]);
    go();
    await settle();
    expect(bodies).toEqual(['hello 14']);
    expect(lines()).toEqual(['eom: - addHeader, not -']);
  });

  it('is cancelled with the message when that is aborted', async () => {
    const signals: AbortSignal[] = [];
    const { wire, lines } = beside(
      compose(
        on('mail', (_mail, { signal }) => {
          signals.push(signal);
          return signals.length === 1 ? new Promise(() => undefined) : undefined;
        }),
        on('rcpt', () => reject()),
      ),
    );
    wire.say('optneg', 'connect', 'mail', 'rcpt', 'abort');
    expect(signals[0]?.aborted).toBe(true);
    wire.say('mail', 'rcpt');
    await settle();
    expect(lines()).toEqual(['rcpt: reject, not -']);
  });

  it('is cancelled where the MTA waits for an answer that it does not want any more', () => {
    const { wire, lines } = beside(
      on('rcpt', () => reject()),
      on('rcpt', () => NEVER),
    );
    wire.say('optneg', 'connect', 'mail', 'rcpt', 'abort');
    wire.say('mail', 'rcpt', 'quit');
    expect(lines()).toEqual([]);
  });

  it('gives up a message of which it would have to keep too much, and says so', async () => {
    const seen: string[] = [];
    const { wire, told, lines } = beside(
      perMessage(() =>
        compose(
          observe(['mail', 'body', 'abort'], ({ stage }) => void seen.push(stage)),
          on('mail', () => (seen.length === 1 ? new Promise(() => undefined) : undefined)),
          on('rcpt', () => reject()),
        ),
      ),
      compose(),
      { maxBytes: 10_000 },
    );
    wire.say('optneg', 'connect', 'mail', 'rcpt', 'header', 'eoh');
    for (let piece = 0; piece < 3; piece++) wire.say({ type: 'body', data: Buffer.alloc(5000) });
    await settle();
    expect(lines()).toEqual(['mail: - (UnansweredError), not -']);
    expect(told[0]?.would.error?.message).toMatch(
      /^The event at stage mail was not answered: more than 10000 bytes/,
    );
    wire.say('eom', 'mail', 'rcpt');
    await settle();
    expect(seen).toEqual(['mail', 'abort', 'mail']);
    expect(lines().slice(1)).toEqual(['rcpt: reject, not -']);
  });

  it('does not see the rest of a message whose beginning it was given up at', async () => {
    const seen: string[] = [];
    const { wire, lines } = beside(
      compose(
        observe(['mail', 'rcpt'], ({ stage }) => seen.push(stage)),
        on('mail', () => (seen.length === 1 ? new Promise(() => undefined) : undefined)),
      ),
      compose(),
      { maxBytes: 0 },
    );
    wire.say('optneg', 'connect', 'mail', 'eom', 'mail', 'rcpt', 'eom');
    expect(seen).toEqual(['mail']);
    wire.say('mail', 'rcpt');
    await settle();
    expect(seen).toEqual(['mail', 'mail', 'rcpt']);
    expect(lines()).toEqual(['mail: - (UnansweredError), not -']);
  });

  it('keeps the bytes of a body, and not the buffer that they came in', async () => {
    const bodies: string[] = [];
    let go: () => void = () => undefined;
    const filter = compose(
      on('mail', () => new Promise<void>((resolve) => (go = resolve))),
      observe('body', ({ chunk }) => bodies.push(Buffer.from(chunk).toString())),
    );
    const { source } = run(shadow(filter, () => undefined));
    const chunk = Buffer.from('as it was');
    source.next(m);
    source.next({ ...body(), chunk });
    chunk.fill(0);
    go();
    await settle();
    expect(bodies).toEqual(['as it was']);
  });

  it('keeps no more than it may of any number of messages', () => {
    const { wire, lines } = beside(
      on('mail', () => NEVER),
      compose(),
      { maxBytes: 50_000 },
    );
    wire.say('optneg', 'connect', 'helo');
    for (let message = 0; message < 200; message++) wire.say('mail', 'rcpt', ...CONTENT);
    // Only the events that it decides are kept: about 1 KiB each.
    expect(lines().length).toBeGreaterThan(2);
    expect(new Set(lines())).toEqual(new Set(['mail: - (UnansweredError), not -']));
  });

  it('goes on for a while when the connection is over, and no longer', async () => {
    vi.useFakeTimers();
    const signals: AbortSignal[] = [];
    const check = on('eom', (_eom, { signal }) => {
      signals.push(signal);
      return of(reject()).pipe(delay(signals.length * 3000));
    });
    const first = beside(check, compose(), { linger: 5000 });
    first.wire.say('optneg', 'connect', 'mail', 'rcpt', ...CONTENT, 'quit');
    expect(first.wire.completed).toBe(true);
    await vi.advanceTimersByTimeAsync(3000);
    expect(first.lines()).toEqual(['eom: reject, not -']);
    const second = beside(check, compose(), { linger: 5000 });
    second.wire.say('optneg', 'connect', 'mail', 'rcpt', ...CONTENT, 'quit');
    await vi.advanceTimersByTimeAsync(6000);
    expect(second.lines()).toEqual(['eom: - (UnansweredError), not -']);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, true]);
    const third = beside(check, compose(), { linger: 0 });
    third.wire.say('optneg', 'connect', 'mail', 'rcpt', ...CONTENT, 'quit');
    expect(third.lines()).toEqual(['eom: - (UnansweredError), not -']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is over at once where the pipeline is unsubscribed', () => {
    const latest = new Subject<number>();
    const { wire, lines } = beside(on('mail', latest, () => reject()));
    wire.say('optneg', 'connect', 'mail');
    expect(latest.observed).toBe(true);
    wire.unsubscribe();
    expect(latest.observed).toBe(false);
    latest.next(1);
    expect(lines()).toEqual([]);
  });

  it('tells of its errors as differences, and of no other way', async () => {
    const { wire, told, lines } = beside(
      compose(
        on('mail', () => {
          throw new Error('broken');
        }),
        observe('rcpt', () => Promise.reject(new Error('seen'))),
        on('data', () => ({ kind: 'discard', modifications: 5 }) as never),
        on('header', () => addHeader('X', 'y') as never),
      ),
      on(['mail', 'header'], () => tempfail()),
    );
    wire.say('optneg', 'connect', 'mail');
    expect(lines()).toEqual(['mail: tempfail (ProjectError), not tempfail']);
    wire.say('mail', 'rcpt', 'header');
    await settle();
    expect(told.at(-1)?.would.error?.message).toBe('The filter failed at stage rcpt: seen');
    expect(wire.outcomes.filter(({ error }) => error !== undefined)).toEqual([]);
  });

  it.each<[string, OperatorFunction<Flow, Flow>, string]>([
    [
      'errors',
      mergeMap((flow: Flow) => (flow.stage === 'rcpt' ? throwError(() => new Error('broken')) : of(flow))),
      'rcpt: tempfail (ProjectError), not -',
    ],
    [
      'throws',
      () => {
        throw new Error('broken');
      },
      'connect: tempfail (ProjectError), not -',
    ],
    ['completes', () => of(), 'connect: - (ProjectError), not -'],
    [
      'emits what is no event',
      map((flow: Flow) => (flow.stage === 'rcpt' ? 5 : flow) as never),
      'rcpt: tempfail (ProjectError), not -',
    ],
    [
      'answers twice',
      mergeMap((flow: Flow) =>
        flow.stage === 'rcpt' ? of(answer(flow, reject()), answer(flow, reject())) : of(flow),
      ),
      'rcpt: - (StaleReplyError), not -',
    ],
  ])('tells of an operator that %s, and the mail goes on', (_what, filter, expected) => {
    const { wire, lines } = beside(
      filter,
      on('eom', () => addHeader('X', 'y')),
    );
    const replies = wire.say('optneg', 'connect', 'helo', 'mail', 'rcpt', ...CONTENT);
    expect(lines()).toContain(expected);
    expect(replies.map(({ type }) => type)).toEqual(['optneg', 'addHeader', 'continue']);
    expect(wire.outcomes.filter(({ error }) => error !== undefined)).toEqual([]);
  });

  it.each<[string, (difference: Difference) => unknown]>([
    [
      'throws',
      () => {
        throw new Error('full');
      },
    ],
    ['rejects', () => Promise.reject(new Error('full'))],
  ])('has a report that %s reported, and nothing else', async (_what, report) => {
    const wire = new Wire().pipe(
      compose(
        shadow(
          on('rcpt', () => reject()),
          report,
        ),
        on('rcpt', () => accept()),
      ),
    );
    expect(wire.say('optneg', 'connect', 'mail', 'rcpt').at(-1)).toMatchObject({ type: 'accept' });
    await settle();
    expect(wire.outcomes.map(({ error }) => error?.message).filter(Boolean)).toEqual([
      'The filter failed at stage rcpt: full',
    ]);
  });

  it('tells a Subject, which lives on after the connection', () => {
    const differences = new Subject<Difference>();
    const seen: string[] = [];
    differences.subscribe((one) => seen.push(line(one)));
    const wire = new Wire().pipe(
      shadow(
        on('rcpt', () => reject()),
        differences,
      ),
    );
    wire.say('optneg', 'connect', 'mail', 'rcpt', 'quit');
    expect(seen).toEqual(['rcpt: reject, not -']);
    // One connection of many has ended.
    expect(differences.observed).toBe(true);
  });

  it('leaves a body of an earlier filter alone that can be read only once', async () => {
    const first = on('eom', () => replaceBody(Readable.from(['new body'])));
    const told: Difference[] = [];
    const wire = new Wire().pipe(
      compose(
        first,
        shadow(
          compose(
            on('eom', () => undefined),
            onMessage(async ({ body }) => {
              for await (const _chunk of body);
            }),
          ),
          (one) => void told.push(one),
        ),
      ),
    );
    wire.say('optneg', 'connect', 'mail', 'rcpt', ...CONTENT);
    await vi.waitFor(() => expect(wire.heard().at(-1)).toMatchObject({ type: 'continue' }));
    expect(told.map(({ would }) => would.error?.message)).toEqual([
      expect.stringContaining('an earlier filter replaces the body by one that can be read only once'),
    ]);
    const sent = wire.outcomes.at(-1);
    expect([sent?.error, sent?.modifications.map(({ kind }) => kind)]).toEqual([undefined, ['replaceBody']]);
    expect(Buffer.concat(wire.bytes).includes('new body')).toBe(true);
  });

  it('destroys a body of its own, which nobody reads', async () => {
    const source = Readable.from(['never read']);
    const { wire, lines } = beside(on('eom', () => replaceBody(source)));
    wire.say('optneg', 'connect', 'mail', 'rcpt', ...CONTENT);
    await settle();
    expect(lines()).toEqual(['eom: - replaceBody, not -']);
    expect(source.destroyed).toBe(true);
  });

  it('has private data of its own', () => {
    const strikes = sessionData(() => ({ count: 0 }));
    const count = observe('rcpt', ({ session }) => strikes.get(session).count++);
    const counts: number[] = [];
    const tell = observe('eom', ({ session }) => void counts.push(strikes.get(session).count));
    const { wire } = beside(compose(count, tell), tell);
    wire.say('optneg', 'connect', 'mail', 'rcpt', ...CONTENT, 'mail', 'rcpt', ...CONTENT);
    expect(counts).toEqual([1, 0, 2, 0]);
  });

  it('lets the MTA leave out the rest of a body where one filter reads it, in the shadow or not', () => {
    const enough = onMessage({ body: 'buffer', maxBytes: 3 }, () => undefined);
    const answer = (filter: OperatorFunction<Flow, Flow>): unknown =>
      new Wire().pipe(filter).say('optneg', 'connect', 'mail', 'rcpt', 'body').at(-1)?.type;
    const quiet = (filter: OperatorFunction<Flow, Flow>): OperatorFunction<Flow, Flow> =>
      shadow(filter, () => undefined);
    const asked = on('body', () => undefined);
    expect(answer(compose(enough, quiet(enough)))).toBe('continue');
    expect(answer(compose(quiet(enough), asked))).toBe('continue');
    expect(answer(compose(enough, quiet(on('rcpt', () => undefined))))).toBe('skip');
  });

  it('does not make the MTA wait for a body that it reads as it arrives', async () => {
    const pieces: number[] = [];
    const { wire } = beside(
      onMessage({ body: 'stream' }, async ({ body }) => {
        for await (const chunk of body) pieces.push(chunk.length);
        return addHeader('X', String(pieces.length));
      }),
      on('body', () => undefined),
    );
    expect(
      wire.say('optneg', 'connect', 'mail', 'rcpt', 'header', 'eoh', 'body', 'body').map(({ type }) => type),
    ).toEqual(['optneg', 'continue', 'continue']);
    wire.say('eom');
    await settle();
    expect(pieces).toEqual([7, 7]);
  });

  it('can be bounded in time like any filter', () => {
    vi.useFakeTimers();
    const { wire, lines } = beside(
      deadline(
        100,
        on('rcpt', () => NEVER),
        tempfail('late'),
      ),
    );
    wire.say('optneg', 'connect', 'mail', 'rcpt');
    vi.advanceTimersByTime(100);
    expect(lines()).toEqual(['rcpt: tempfail, not -']);
  });

  it('may look at a filter of each connection, and be in the shadow of a shadow', () => {
    const inner: string[] = [];
    const { wire, lines } = beside(
      perConnection(() => {
        let count = 0;
        return compose(
          shadow(
            on('rcpt', () => discard()),
            (one) => void inner.push(line(one)),
          ),
          on('rcpt', () => (++count > 1 ? reject() : undefined)),
        );
      }),
    );
    wire.say('optneg', 'connect', 'mail', 'rcpt', 'rcpt');
    expect(lines()).toEqual(['rcpt: reject, not -']);
    // To it the outer one is the MTA, and it has ended the message by its first answer.
    expect(inner).toEqual(['rcpt: discard, not allow']);
  });

  it('shows what an earlier filter has decided to those who want to see it', () => {
    const told: Difference[] = [];
    const seen: string[] = [];
    const wire = new Wire().pipe(
      compose(
        on('rcpt', () => reject('first')),
        shadow(
          map((flow: Flow) => {
            if (flow.stage === 'reply') seen.push(flow.to.stage);
            return flow.stage === 'reply' ? { ...flow, decision: discard() } : flow;
          }),
          (one) => void told.push(one),
        ),
      ),
    );
    expect(wire.say('optneg', 'connect', 'mail', 'rcpt').at(-1)).toMatchObject({ text: '550 5.7.1 first' });
    expect(seen).toEqual(['rcpt']);
    expect(told.map(line)).toEqual(['rcpt: discard, not reject']);
  });

  it('leaves alone the recipients that the MTA has refused itself', () => {
    const told: Difference[] = [];
    const wire = new Wire({ rejectedRecipients: true }).pipe(
      shadow(
        on('rcpt', () => reject()),
        (one) => void told.push(one),
      ),
    );
    wire.say('optneg', 'connect', 'mail');
    wire.say({ type: 'macro', target: 'R', macros: [['{rcpt_mailer}', 'error']] }, 'rcpt');
    expect(told).toEqual([]);
  });

  it('warns of a report that is broken where there is no connection, as in a drawing', () => {
    const { source, out } = run(
      shadow(
        on('rcpt', () => reject()),
        {
          next: () => {
            throw new Error('full');
          },
        },
      ),
    );
    const warnings: unknown[] = [];
    const spy = vi.spyOn(process, 'emitWarning').mockImplementation((warning) => void warnings.push(warning));
    for (const event of [m, r, e, x, q]) source.next(event);
    spy.mockRestore();
    expect(out).toEqual([m, r, e, x, q]);
    expect(warnings).toHaveLength(1);
  });

  it('refuses what cannot be, and says why', () => {
    const rule = on('rcpt', () => reject());
    expect(() => shadow({} as never, () => undefined)).toThrow(
      'shadow(): the first argument is {}, and no filter.',
    );
    expect(() => shadow(rule, undefined as never)).toThrow(
      'shadow(): the second argument has to be a function',
    );
    expect(() => shadow(rule, {} as never)).toThrow(TypeError);
    expect(() => shadow(rule, () => undefined, { maxBytes: -1 })).toThrow('shadow(): maxBytes is -1');
    expect(() => shadow(rule, () => undefined, { linger: NaN })).toThrow(RangeError);
  });

  for (const { name, check } of contract(
    shadow(
      compose(
        on('mail', ({ address }) => (address === '' ? NEVER : reject())),
        on('header', () => of(undefined).pipe(delay(1))),
        onMessage(async ({ body }) => {
          for await (const _chunk of body);
          return [addHeader('X-Size', String(body.size)), reject()];
        }),
        map((flow: Flow) => flow),
      ),
      () => undefined,
      { linger: 0 },
    ),
  )) {
    it(`${name}, as every filter`, check);
  }
});
