import { Subject, finalize, ignoreElements, last, map, of, take, timer } from 'rxjs';
import {
  type Message,
  type StreamedBody,
  compose,
  type MessageProject,
  type Filter,
  onMessage,
  on,
  type Decision,
  accept,
  discard,
  allow,
  reject,
  skip,
  tempfail,
  addHeader,
  replaceBody,
  type SessionOptions,
  SMFIP,
} from 'rxmilter';
import { type Simulation, simulate } from 'rxmilter/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { inTurn } from '../message/support/in-turn.js';
import { abort, body, decided, eoh, eom, header, mail, rcpt } from '../support/events.js';
import { marbles } from '../support/marbles.js';
import { give } from './support/mails.js';
import { expectQuiet } from './support/quiet.js';
import { Wire } from './support/wire.js';

const m = mail();
const r = rcpt();
const h = header();
const o = eoh();
const [b, d] = [body('one'), body('two')];
const e = eom();
const x = abort();
const no = reject('no');

function stream(project: MessageProject<'stream'>): Filter {
  return onMessage({ body: 'stream' }, project);
}

/** Has the MTA send the body without waiting, whatever filters want. */
const unwaiting: NonNullable<SessionOptions['negotiate']> = (_offer, derived) => ({
  ...derived,
  protocol: derived.protocol | SMFIP.NR_BODY,
});

/** Lets everything happen that waits for nothing else; time is at a standstill. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await vi.advanceTimersByTimeAsync(0);
}

/** Says a message up to the end of its header. */
async function begun(filter: Filter, options: Parameters<typeof simulate>[1] = {}): Promise<Simulation> {
  const mta = await simulate(filter, options);
  await mta.mail();
  await mta.rcpt();
  await mta.header();
  await mta.eoh();
  return mta;
}

function errorsOf({ outcomes }: Simulation): string[] {
  return outcomes.flatMap(({ stage, error }) => (error === undefined ? [] : [`${stage}: ${error.message}`]));
}

describe('a streamed message, drawn,', () => {
  expectQuiet();

  it(
    'is given to the project at the end of its header, and decided at its end',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -m-r-h-o-b-d-e-m-r-o-e-|', { m, r, h, o, b, d, e });
      const subs = '        ^----------------------!';
      const expected = '    -m-r-h-o-b-d-E-m-r-o-F-|';
      const filter = stream(({ body: whole }) =>
        whole.chunks.pipe(
          ignoreElements(),
          finalize(() => undefined),
          // What it is when all of it was read.
          (rest) =>
            rest.pipe(
              last(undefined, null),
              map(() => addHeader('X-Size', String(whole.size))),
            ),
        ),
      );
      expectObservable(source.pipe(filter)).toBe(expected, {
        ...{ m, r, h, o, b, d },
        E: { ...e, modifications: [addHeader('X-Size', '6')] },
        F: { ...e, modifications: [addHeader('X-Size', '0')] },
      });
      expectSubscriptions(source.subscriptions).toBe(subs);
    }),
  );

  it(
    'has each piece held back until the one before is through',
    marbles(({ hot, expectObservable }) => {
      const source = hot('  -m-o-b----e---|', { m, o, b, e });
      const expected = '    -m-o-----   ';
      const filter = stream(({ body: whole }) => inTurn(whole, () => timer(3)).pipe(map(() => undefined)));
      // What holds a piece back is a promise, which has no place in virtual time: nothing of it comes out.
      expectObservable(source.pipe(filter), '^-------!').toBe(expected, { m, o });
    }),
  );

  it(
    'is cancelled when it is aborted, and when it is not wanted any more',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const aborted = hot('  -m-o-x-m-|', { m, o, x });
      const endless = hot('  -m-o-----', { m, o });
      const erring = hot('   -m-o-#   ', { m, o });
      const running = cold(' ---------');
      const filter = stream(() => running.pipe(map(() => undefined)));
      expectObservable(aborted.pipe(filter)).toBe('      -m-o-x-m-|', { m, o, x });
      expectObservable(endless.pipe(filter), '^-----!').toBe('-m-o---', { m, o });
      expectObservable(erring.pipe(filter)).toBe('       -m-o-#', { m, o });
      expectSubscriptions(running.subscriptions).toBe(['---^-!', '---^--!', '---^-!']);
    }),
  );

  it(
    'says a refusal at the next piece, and everything else at the end',
    marbles(({ hot, expectObservable }) => {
      const refused = hot('  -m-o-b-|', { m, o, b });
      const accepted = hot(' -m-o-b-e-|', { m, o, b, e });
      expectObservable(refused.pipe(stream(() => no))).toBe('        -m-o-B-|', { m, o, B: decided(b, no) });
      expectObservable(accepted.pipe(stream(() => accept()))).toBe(' -m-o-b-E-|', {
        ...{ m, o, b },
        E: decided(e, accept()),
      });
    }),
  );

  it(
    'is asked no further where an earlier filter has refused it, and not at all where that was before its body',
    marbles(({ hot, expectObservable }) => {
      const source = hot('  -m-o-b-|', { m, o, b });
      const early = compose(
        on('eoh', () => no),
        stream(() => {
          throw new Error('asked');
        }),
      );
      const late = compose(
        on('body', () => no),
        stream(({ body: whole }) => inTurn(whole, () => new Subject<undefined>())),
      );
      expectObservable(source.pipe(early), '^---!').toBe('-m-O', { m, O: decided(o, no) });
      expectObservable(source.pipe(late)).toBe('         -m-o-B-|', { m, o, B: decided(b, no) });
    }),
  );
});

describe('a streamed message', () => {
  expectQuiet();
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Ways of reading that take each piece only when `taken` emits. */
  const readers: [string, (whole: StreamedBody, taken: Subject<void>, seen: string[]) => unknown][] = [
    [
      'an async iterable',
      async (whole, taken, seen) => {
        for await (const piece of whole) {
          seen.push(String(Buffer.from(piece)));
          await new Promise<void>((resolve) => taken.pipe(take(1)).subscribe(() => resolve()));
        }
      },
    ],
    [
      'concatMap() of RxJS, for a piece at a time',
      (whole, taken, seen) =>
        inTurn(whole, (piece) => {
          seen.push(String(Buffer.from(piece)));
          return taken.pipe(take(1), ignoreElements());
        }),
    ],
  ];

  it.each(readers)('has the MTA wait for each piece until it is taken: %s', async (_name, read) => {
    const taken = new Subject<void>();
    const seen: string[] = [];
    const mta = await begun(stream((message) => read(message.body, taken, seen) as undefined));
    for (const text of ['one', 'two', 'three']) {
      let answered = false;
      const told = mta.body(text).then(({ verdict }) => {
        answered = true;
        return verdict;
      });
      await settle();
      expect([seen.at(-1), answered]).toEqual([text, false]);
      taken.next();
      expect(await told).toBe('continue');
    }
    expect((await mta.eom()).verdict).toBe('continue');
    await mta.close();
    expect([seen, errorsOf(mta)]).toEqual([['one', 'two', 'three'], []]);
  });

  it('does not have it wait for an Observable, which has taken a piece when it has seen it', async () => {
    const seen: string[] = [];
    const mta = await begun(
      stream(({ body: whole }) =>
        whole.chunks.pipe(
          map((piece) => {
            seen.push(String(Buffer.from(piece)));
          }),
        ),
      ),
    );
    for (const text of ['one', 'two']) expect((await mta.body(text)).verdict).toBe('continue');
    await mta.eom();
    await mta.close();
    expect(seen).toEqual(['one', 'two']);
  });

  it('has it wait for a Node stream that is full', async () => {
    let pipe: import('node:stream').Readable | undefined;
    const mta = await begun(
      stream(async ({ body: whole }) => {
        pipe = whole.readable();
        await new Promise((resolve) => pipe?.once('close', resolve));
      }),
    );
    const piece = Buffer.alloc(40_000, 'x');
    let answered = 0;
    const count = (): void => {
      answered++;
    };
    const told = [mta.body(piece).then(count), mta.body(piece).then(count), mta.body(piece).then(count)];
    pipe?.read(0);
    await settle();
    // 64 KiB are its high-water mark: a second piece is above it, and a third is not asked for.
    expect(answered).toBeLessThan(3);
    pipe?.resume();
    await Promise.all(told);
    await mta.eom();
    await mta.close();
    expect(errorsOf(mta)).toEqual([]);
  });

  it.each<[string, Decision, string]>([
    ['a rejection', reject('enough'), 'reject'],
    ['a deferral', tempfail('enough'), 'tempfail'],
    ['a discard', discard(), 'discard'],
  ])('says %s at the piece at which it is made', async (_name, decision, verdict) => {
    const mta = await begun(
      stream(async ({ body: whole }) => {
        for await (const piece of whole) if (String(Buffer.from(piece)) === 'two') return decision as never;
        return undefined;
      }),
    );
    expect((await mta.body('one')).verdict).toBe('continue');
    expect((await mta.body('two')).verdict).toBe(verdict);
    await mta.close();
    expect(errorsOf(mta)).toEqual([]);
  });

  it('says a refusal that is made meanwhile at the next piece, or at the end', async () => {
    for (const more of [true, false]) {
      const mta = await begun(
        stream(({ body: whole }) => {
          void whole.chunks.subscribe({ error: () => undefined });
          return timer(100).pipe(map(() => no));
        }),
      );
      expect((await mta.body('one')).verdict).toBe('continue');
      await vi.advanceTimersByTimeAsync(100);
      expect((more ? await mta.body('two') : await mta.eom()).verdict).toBe('reject');
      await mta.close();
      expect(errorsOf(mta)).toEqual([]);
    }
  });

  it('keeps an early yes to itself until the end, and lets the rest of the body be left out', async () => {
    for (const decision of [accept(), allow(), addHeader('X-A', '1')]) {
      const mta = await begun(stream(() => decision));
      expect((await mta.body('one')).verdict).toBe('skip');
      const { verdict, modifications } = await mta.eom();
      expect([verdict, modifications]).toEqual([
        decision.kind === 'accept' ? 'accept' : 'continue',
        decision.kind === 'addHeader' ? [decision] : [],
      ]);
      await mta.close();
    }
  });

  it('adds to what earlier filters want, and is overruled by what they decide', async () => {
    const adding = stream(async ({ body: whole, modifications, headers }) => {
      for await (const _piece of whole) continue;
      return addHeader('X-B', `${modifications.length} ${headers.has('X-A')}`);
    });
    const { modifications } = await give(
      compose(
        on('eom', () => addHeader('X-A', '1')),
        adding,
      ),
    );
    expect(modifications).toMatchObject([
      { name: 'X-A', value: '1' },
      { name: 'X-B', value: '0 false' },
    ]);
    expect(
      (
        await give(
          compose(
            on('eom', () => reject()),
            adding,
          ),
        )
      ).outcome,
    ).toBe('refused');
    expect(
      (
        await give(
          compose(
            on('eom', () => accept()),
            adding,
          ),
        )
      ).modifications,
    ).toEqual([]);
  });

  it('says whether all of it has come: not before its end, not where it was cut, nor where another filter skips', async () => {
    const rest = Buffer.alloc(200_000, 'line\r\n');
    const seen: [boolean, number, boolean][] = [];
    const look: MessageProject<'stream'> = async ({ body: whole }) => {
      let atFirst = true;
      for await (const piece of whole) atFirst &&= whole.complete || piece.length === 0;
      seen.push([atFirst, whole.size, whole.complete]);
    };
    vi.useRealTimers();
    await give(stream(look), { body: rest });
    await give(
      compose(
        on('body', () => skip()),
        stream(look),
      ),
      { body: rest },
    );
    await give(onMessage({ body: 'stream', limits: { bodyBytes: 1000 }, beyond: 'truncate' }, look), {
      body: rest,
    });
    await give(stream(look), { body: '' });
    expect(seen).toEqual([
      [false, 200_000, true],
      [false, 65_535, false],
      [false, 1000, false],
      [true, 0, true],
    ]);
  });

  it('has its header and body in one source', async () => {
    let text = '';
    const filter = stream(async ({ source }) => {
      text = String(Buffer.concat(await source().toArray()));
    });
    await give(filter, { headers: [['A', 'b']], body: 'one\ntwo\n' }, { chunks: { seed: 1 } });
    expect(text).toBe('A: b\r\n\r\none\r\ntwo\r\n');
  });

  it('can have its body replaced by one that is made of it', async () => {
    const filter = stream(async ({ body: whole }) => {
      const pieces: string[] = [];
      for await (const piece of whole) pieces.push(String(Buffer.from(piece)).toUpperCase());
      return replaceBody(pieces);
    });
    expect(String((await give(filter, { body: 'one\n' })).body)).toBe('ONE\r\n');
  });

  it('cannot have its body replaced by itself while it arrives, and says so instead of waiting forever', async () => {
    const mta = await begun(stream((message) => replaceBody(message.body)));
    await mta.body('one');
    const { verdict } = await mta.eom();
    await mta.close();
    expect([verdict, errorsOf(mta).length]).toEqual(['tempfail', 1]);
  });

  const ways: [string, (mta: Simulation) => unknown][] = [
    ['an abort', (mta) => mta.abort()],
    ['another message', (mta) => mta.mail()],
    ['the end of the connection', (mta) => mta.quit()],
    ['its loss', (mta) => mta.hangUp()],
  ];
  it.each(ways)('is cancelled by %s between two pieces: reader, signal and source', async (_name, end) => {
    const readings: [string, (message: Message<'stream'>) => Promise<unknown>][] = [
      [
        'iterator',
        async ({ body: whole }) => {
          for await (const _piece of whole) continue;
        },
      ],
      ['chunks', ({ body: whole }) => whole.chunks.forEach(() => undefined)],
      ['in turn', ({ body: whole }) => inTurn(whole, () => of(1)).forEach(() => undefined)],
      ['readable', ({ body: whole }) => whole.readable().toArray()],
      ['source', ({ source }) => source().toArray()],
    ];
    for (const [name, read] of readings) {
      let signal: AbortSignal | undefined;
      let ended: unknown = 'still reading';
      const mta = await begun(
        stream(async (message, context) => {
          ({ signal } = context);
          await read(message).then(
            () => (ended = 'complete'),
            (error: unknown) => (ended = String(error)),
          );
        }),
      );
      await mta.body('one');
      await settle();
      expect([name, ended]).toEqual([name, 'still reading']);
      await end(mta);
      await settle();
      expect([name, ended, signal?.aborted]).toEqual([
        name,
        expect.stringMatching(/The message was aborted|operation was aborted/),
        true,
      ]);
      await mta.close();
      expect(errorsOf(mta)).toEqual([]);
    }
  });

  it.each(ways.filter(([name]) => !name.startsWith('another')))(
    'is cancelled by %s while the MTA waits for a piece to be taken',
    async (name, end) => {
      const forever = new Subject<undefined>();
      let signal: AbortSignal | undefined;
      let released = 0;
      const mta = await begun(
        stream(({ body: whole }, context) => {
          ({ signal } = context);
          return inTurn(whole, () => forever.pipe(finalize(() => released++)));
        }),
      );
      const told = mta.body('one');
      await settle();
      expect([forever.observed, signal?.aborted]).toEqual([true, false]);
      // The steps of an MTA wait for each other; a connection that is lost does not.
      if (name === 'its loss') void end(mta);
      else mta.hangUp();
      expect((await told).verdict).toBe('lost');
      await settle();
      expect([forever.observed, released, signal?.aborted]).toEqual([false, 1, true]);
      await mta.close();
      expect(errorsOf(mta)).toEqual([]);
    },
  );

  it('survives a source without a listener, whenever it is aborted', async () => {
    for (const asFlow of [true, false]) {
      const mta = await begun(
        stream(({ source, body: whole }) => {
          (asFlow ? source() : whole.readable()).resume();
          return new Promise<void>(() => undefined);
        }),
      );
      await mta.body('one');
      await mta.abort();
      await settle();
      await mta.close();
    }
  });

  it('costs a message the failure decision where a piece is not taken in time', async () => {
    let signal: AbortSignal | undefined;
    const mta = await begun(
      stream(({ body: whole }, context) => {
        ({ signal } = context);
        return inTurn(whole, () => new Subject<undefined>());
      }),
    );
    const told = mta.body('one');
    await vi.advanceTimersByTimeAsync(7_999);
    expect(signal?.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect([(await told).verdict, signal?.aborted]).toEqual(['tempfail', true]);
    await mta.close();
    expect(errorsOf(mta)).toEqual([
      expect.stringContaining('body: The event at stage body was not answered'),
    ]);
  });

  it('is not read on, with a piece missing, where failures let pieces pass', async () => {
    const seen: string[] = [];
    let signal: AbortSignal | undefined;
    const mta = await begun(
      stream(async ({ body: whole }, context) => {
        ({ signal } = context);
        for await (const piece of whole) {
          seen.push(String(Buffer.from(piece)));
          await new Promise((resolve) => setTimeout(resolve, 10_000));
        }
        return addHeader('X-Seen', seen.join());
      }),
      { session: { failure: allow() } },
    );
    const told = mta.body('one');
    await vi.advanceTimersByTimeAsync(8_000);
    expect([(await told).verdict, signal?.aborted]).toEqual(['continue', true]);
    // There is no reader any more.
    expect((await mta.body('two')).verdict).toBe('skip');
    await vi.advanceTimersByTimeAsync(10_000);
    const { verdict, modifications } = await mta.eom();
    expect([verdict, modifications, seen]).toEqual(['continue', [], ['one']]);
    await mta.close();
    expect(errorsOf(mta)).toHaveLength(1);
  });

  it('is read piece by piece, too, where it was negotiated that the MTA does not wait', async () => {
    const seen: string[] = [];
    const filter = stream(async ({ body: whole }) => {
      for await (const piece of whole) {
        seen.push(String(Buffer.from(piece)));
        await new Promise((resolve) => setTimeout(resolve, 1000));
      }
      return addHeader('X-Seen', seen.join());
    });
    const mta = await begun(filter, { session: { negotiate: unwaiting } });
    expect(mta.negotiated.protocol).toContain('NR_BODY');
    for (const piece of ['one', 'two', 'three']) await mta.body(piece);
    const told = mta.eom();
    await vi.advanceTimersByTimeAsync(3_000);
    expect((await told).modifications).toEqual([addHeader('X-Seen', 'one,two,three')]);
    await mta.close();
    expect(errorsOf(mta)).toEqual([]);
  });

  it('costs the message the failure decision where it is not read then, at its end', async () => {
    let signal: AbortSignal | undefined;
    const filter = stream(({ body: whole }, context) => {
      ({ signal } = context);
      return inTurn(whole, () => new Subject<undefined>());
    });
    const mta = await begun(filter, { session: { negotiate: unwaiting, timeouts: { eom: 20_000 } } });
    for (const piece of ['one', 'two', 'three']) await mta.body(piece);
    const told = mta.eom();
    await vi.advanceTimersByTimeAsync(19_999);
    expect(signal?.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect([(await told).verdict, signal?.aborted]).toEqual(['tempfail', true]);
    await mta.close();
    expect(errorsOf(mta)).toEqual([
      expect.stringContaining('body: The event at stage body was not answered'),
      expect.stringContaining('A piece of the body was not taken in time'),
    ]);
  });

  it('is failed by what its project throws, at once', async () => {
    const mta = await begun(
      stream(async ({ body: whole }) => {
        for await (const _piece of whole) throw new Error('broken');
      }),
    );
    expect((await mta.body('one')).verdict).toBe('tempfail');
    await mta.close();
    expect(errorsOf(mta)).toEqual([expect.stringMatching(/^body: .*broken/)]);
  });

  it('has one reader only, and says so to a second', async () => {
    const errors: string[] = [];
    const mta = await begun(
      stream(async ({ body: whole }) => {
        const first = whole.readable().toArray();
        await whole
          .readable()
          .toArray()
          .catch((error: unknown) => errors.push(String(error)));
        await first;
      }),
    );
    await mta.body('one');
    expect((await mta.eom()).verdict).toBe('continue');
    await mta.close();
    expect(errors).toEqual([expect.stringContaining('being read already')]);
  });

  it('goes through several filters, each at its own pace, piece by piece', async () => {
    const seen: string[] = [];
    const slow = (name: string, pace: number): Filter =>
      stream(({ body: whole }) =>
        inTurn(whole, (piece) => {
          seen.push(`${name} ${String(Buffer.from(piece))}`);
          return timer(pace).pipe(ignoreElements());
        }),
      );
    const mta = await begun(compose(slow('a', 30), slow('b', 10)));
    for (const text of ['1', '2']) {
      let answered = false;
      const told = mta.body(text).then(() => (answered = true));
      await vi.advanceTimersByTimeAsync(39);
      expect(answered).toBe(false);
      await vi.advanceTimersByTimeAsync(1);
      await told;
    }
    await mta.eom();
    await mta.close();
    expect(seen).toEqual(['a 1', 'b 1', 'a 2', 'b 2']);
  });

  it('has a last piece that comes with the end of the message, before that', async () => {
    const seen: string[] = [];
    const prefix = onMessage({ maxBytes: 5 }, async ({ body: whole }) => {
      seen.push(`prefix ${await whole.text()} ${whole.complete}`);
    });
    const buffer = onMessage(async ({ body: whole }) => void seen.push(`whole ${await whole.text()}`));
    const reader = stream(({ body: whole }) =>
      inTurn(whole, (piece) => {
        seen.push(String(Buffer.from(piece)));
        return timer(10).pipe(ignoreElements());
      }),
    );
    for (const first of ['one', undefined]) {
      seen.length = 0;
      const wire = new Wire().pipe(compose(reader, prefix, buffer));
      wire.say('optneg', 'mail', 'rcpt', 'header', 'eoh');
      if (first !== undefined) wire.say({ type: 'body', data: Buffer.from(first) });
      await vi.advanceTimersByTimeAsync(10);
      wire.say({ type: 'eom', data: Buffer.from('last') });
      await vi.advanceTimersByTimeAsync(9);
      expect(seen.at(-1)).toBe('last');
      await vi.advanceTimersByTimeAsync(1);
      await settle();
      const text = `${first ?? ''}last`;
      expect(seen.slice(first === undefined ? 1 : 2)).toEqual([
        `prefix ${text.slice(0, 5)} ${text.length <= 5}`,
        `whole ${text}`,
      ]);
      expect(wire.heard().at(-1)).toMatchObject({ type: 'continue' });
      expect(wire.outcomes.filter(({ error }) => error !== undefined)).toEqual([]);
      wire.unsubscribe();
    }
  });

  it('sees every byte in order however the wire cuts it', async () => {
    vi.useRealTimers();
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, at) => ((at * 7) % 251) | 1));
    for (const chunks of ['whole', { seed: 1 }, { seed: 2 }] as const) {
      let got = Buffer.alloc(0);
      const filter = stream(async ({ body: whole }) => {
        const pieces: Uint8Array[] = [];
        for await (const piece of whole) pieces.push(piece);
        got = Buffer.concat(pieces);
      });
      await give(filter, { body: bytes }, { chunks });
      expect(got.equals(bytes)).toBe(true);
    }
  });
});
