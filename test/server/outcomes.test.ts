import { once } from 'node:events';
import {
  NEVER,
  type Observable,
  Subject,
  bufferTime,
  catchError,
  concatMap,
  count,
  finalize,
  firstValueFrom,
  groupBy,
  map,
  mergeMap,
  of,
  scan,
  share,
  startWith,
  take,
  tap,
  throwError,
  timeout,
  toArray,
} from 'rxjs';
import { on, type MilterServer, type ServeOptions, serve, reject, type Outcome } from 'rxmilter';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { said } from '../support/session-frames.js';
import { type SocketMta, socketMta } from '../support/session-mta.js';
import { standardError } from '../support/standard-error.js';

/** What the process would have ended with. */
const fatal: unknown[] = [];
const warnings: Error[] = [];
const noteFatal = (error: unknown): void => void fatal.push(error);
const noteWarning = (warning: Error): void => void warnings.push(warning);

/** Long enough for everything that is under way in timers and promises. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
}

interface Running {
  readonly server: MilterServer;
  readonly errors: [Error, Outcome][];
  readonly mta: SocketMta;
}

async function running(options: Partial<ServeOptions> = {}): Promise<Running> {
  const errors: [Error, Outcome][] = [];
  const server = await serve(
    on('rcpt', () => reject()),
    { listen: 'inet:0@127.0.0.1', onError: (...args) => void errors.push(args), ...options },
  );
  onTestFinished(() => server.destroy());
  const mta = await socketMta(server.address);
  await mta.ask('C01');
  return { server, errors, mta };
}

/** The MTA asks about a recipient, and gets its one answer. */
async function asks(mta: SocketMta): Promise<void> {
  expect(await mta.ask('C16')).toEqual(said('R05'));
}

/** What the types of RxJS forbid, and programs in JavaScript do all the same: an async function as observer. */
function asynchronously(run: () => unknown): () => void {
  return run;
}

const broken = new Error('broken');
const fails = (): never => {
  throw broken;
};

const DROPPED = /^rxmilter: .*A subscriber of the outcomes failed, and gets no more of them: /;

describe('A subscriber of the outcomes', () => {
  beforeEach(() => {
    fatal.length = 0;
    warnings.length = 0;
    process.on('uncaughtException', noteFatal).on('unhandledRejection', noteFatal).on('warning', noteWarning);
  });
  afterEach(async () => {
    await settled();
    process
      .off('uncaughtException', noteFatal)
      .off('unhandledRejection', noteFatal)
      .off('warning', noteWarning);
    expect(fatal).toEqual([]);
  });

  const failing: Record<string, (outcomes: Observable<Outcome>) => unknown> = {
    'throws as a function': (outcomes) => outcomes.subscribe(fails),
    'throws as an observer': (outcomes) => outcomes.subscribe({ next: fails }),
    'returns a promise that rejects': (outcomes) =>
      outcomes.subscribe(asynchronously(() => Promise.reject(broken))),
    'has an operator that throws and takes no errors': (outcomes) => outcomes.pipe(map(fails)).subscribe(),
    'has several operators, the first of which throws': (outcomes) =>
      outcomes
        .pipe(
          map(fails),
          scan((all) => all + 1, 0),
          concatMap((one) => of(one)),
          share(),
          startWith(0),
        )
        .subscribe(() => undefined),
    'has an inner Observable that errors': (outcomes) =>
      outcomes.pipe(mergeMap(() => throwError(() => broken))).subscribe(() => undefined),
    'throws in its handler of errors': (outcomes) => outcomes.pipe(map(fails)).subscribe({ error: fails }),
    'throws in its handler of completion': (outcomes) =>
      outcomes.pipe(take(1)).subscribe({ complete: fails }),
    'throws behind tap': (outcomes) => outcomes.pipe(tap(fails)).subscribe({ next: () => undefined }),
  };

  for (const [how, subscribe] of Object.entries(failing)) {
    it(`that ${how} is told to onError and dropped; the mail and the others go on`, async () => {
      const { server, errors, mta } = await running();
      const before: string[] = [];
      const after: string[] = [];
      server.outcomes.subscribe(({ stage }) => before.push(stage));
      subscribe(server.outcomes);
      server.outcomes.subscribe(({ stage }) => after.push(stage));
      await asks(mta);
      await settled();
      await asks(mta);
      await settled();
      expect(before).toEqual(['rcpt', 'rcpt']);
      expect(after).toEqual(['rcpt', 'rcpt']);
      expect(errors.length).toBe(1);
      const [error, at] = errors[0] ?? [];
      expect(error?.message).toMatch(
        /^A subscriber of the outcomes failed, and gets no more of them: .*broken/s,
      );
      expect(at).toMatchObject({ stage: 'rcpt', decision: { kind: 'reject' }, error });
      expect(at?.session.id).toBeDefined();
    });
  }

  it('that throws in a teardown, too, is dropped all the same, and both are told', async () => {
    const written = standardError();
    const { server, errors, mta } = await running();
    server.outcomes.pipe(finalize(fails)).subscribe(fails);
    server.outcomes.pipe(finalize(fails), startWith(0)).subscribe(fails);
    server.outcomes.pipe(finalize(fails), take(1)).subscribe();
    server.outcomes.pipe(take(1), finalize(fails)).subscribe();
    const told: string[] = [];
    server.outcomes.subscribe(({ stage }) => told.push(stage));
    await asks(mta);
    await asks(mta);
    await settled();
    expect(told).toEqual(['rcpt', 'rcpt']);
    // Of the two that are dropped before there is an outcome standard error has a line.
    expect(errors.map(([error]) => error.message)).toEqual([
      'A subscriber of the outcomes failed, and gets no more of them: broken',
      // The first at its failure, the two others at their own end.
      ...Array.from(
        { length: 3 },
        () =>
          expect.stringMatching(
            /^A subscriber of the outcomes failed, .*errors occurred during unsubscription/,
          ) as unknown,
      ),
    ]);
    expect(written).toEqual([expect.stringMatching(DROPPED), expect.stringMatching(DROPPED)]);
    expect(warnings).toEqual([]);
  });

  it('that takes its own errors is left alone with them', async () => {
    const { server, errors, mta } = await running();
    const own: unknown[] = [];
    server.outcomes.pipe(map(fails)).subscribe({ error: (error: unknown) => own.push(error) });
    server.outcomes
      .pipe(
        map(fails),
        catchError(() => of('mended')),
      )
      .subscribe((one) => own.push(one));
    await asks(mta);
    await settled();
    expect(own).toEqual([broken, 'mended']);
    expect(errors).toEqual([]);
  });

  it('that fails by itself, after a time, is a line on standard error: it concerns no connection', async () => {
    const written = standardError();
    const { server, errors } = await running();
    server.outcomes.pipe(timeout(1)).subscribe();
    await vi.waitFor(() => expect(written.length).toBe(1));
    expect(written[0]).toMatch(/^rxmilter: .*A subscriber of the outcomes failed, .*Timeout/);
    expect(errors).toEqual([]);
  });

  it('that fails where there is no onError is a line with session and place', async () => {
    const written = standardError();
    const { server, mta } = await running({ onError: undefined });
    server.outcomes.subscribe(fails);
    await asks(mta);
    await vi.waitFor(() => expect(written.length).toBe(1));
    expect(written[0]).toMatch(/^rxmilter: session .*broken \(at outcomes\.test\.ts:\d+:\d+\)\n$/);
  });

  it('that unsubscribes while it is told gets no more, and none of the others misses anything', async () => {
    const { server, mta } = await running();
    const told: string[] = [];
    const first = server.outcomes.subscribe(() => {
      told.push('first');
      first.unsubscribe();
      second.unsubscribe();
    });
    const second = server.outcomes.subscribe(() => told.push('second'));
    server.outcomes
      .pipe(take(1))
      .subscribe({ next: () => told.push('third'), complete: () => told.push('over') });
    server.outcomes.subscribe(() => told.push('fourth'));
    await asks(mta);
    await asks(mta);
    expect(told).toEqual(['first', 'third', 'over', 'fourth', 'fourth']);
  });

  it('that subscribes another while it is told has it told from the next one on', async () => {
    const { server, mta } = await running();
    const told: string[] = [];
    server.outcomes.pipe(take(1)).subscribe(() => {
      told.push('first');
      later();
    });
    const later = (): void => {
      server.outcomes.subscribe(() => told.push('later'));
    };
    await asks(mta);
    await asks(mta);
    expect(told).toEqual(['first', 'later']);
  });

  it('that never gets done with one holds up no answer', async () => {
    const { server, mta } = await running();
    let begun = 0;
    server.outcomes
      .pipe(
        concatMap(() => {
          begun++;
          return NEVER;
        }),
      )
      .subscribe();
    server.outcomes.subscribe(asynchronously(() => new Promise(() => undefined)));
    for (let turn = 0; turn < 20; turn++) await asks(mta);
    expect(begun).toBe(1);
  });

  it('that stops the server while it is told lets the answer out before', async () => {
    const { server, errors, mta } = await running();
    let closed: Promise<void> | undefined;
    server.outcomes.subscribe(() => void (closed ??= server.close()));
    await asks(mta);
    mta.send('C29');
    await closed;
    expect(errors).toEqual([]);
  });

  it('that destroys the server while it is told ends it, and nothing else', async () => {
    const { server, errors, mta } = await running();
    server.outcomes.subscribe(() => server.destroy());
    mta.send('C16');
    await mta.closed;
    expect(errors).toEqual([]);
  });

  it('completes with the server, also one that comes later', async () => {
    const { server, mta } = await running();
    const all = firstValueFrom(server.outcomes.pipe(count()));
    await asks(mta);
    await asks(mta);
    mta.send('C29');
    await server.close();
    expect(await all).toBe(2);
    expect(await firstValueFrom(server.outcomes.pipe(toArray()))).toEqual([]);
  });

  it('that fails when the server completes does not keep it from closing', async () => {
    const written = standardError();
    const { server, mta } = await running();
    server.outcomes.subscribe({ complete: fails });
    let over = false;
    server.outcomes.subscribe({ complete: () => (over = true) });
    mta.send('C29');
    await server.close();
    await vi.waitFor(() => expect(written.length).toBe(1));
    expect(over).toBe(true);
  });

  it('may be a Subject, or go through operators that keep state', async () => {
    const { server, mta } = await running();
    const subject = new Subject<Outcome>();
    const told: unknown[] = [];
    subject.subscribe(({ stage }) => told.push(stage));
    server.outcomes.subscribe(subject);
    server.outcomes
      .pipe(
        groupBy(({ stage }) => stage),
        mergeMap((group) =>
          group.pipe(
            map(() => group.key),
            bufferTime(1),
          ),
        ),
      )
      .subscribe((keys) => keys.length > 0 && told.push(keys));
    await asks(mta);
    await vi.waitFor(() => expect(told).toEqual(['rcpt', ['rcpt']]));
  });

  it('ends nothing when an async one fails after the connection has gone', async () => {
    const { server, errors, mta } = await running();
    server.outcomes.subscribe(
      asynchronously(async () => {
        await once(mta.socket, 'close');
        throw broken;
      }),
    );
    await asks(mta);
    mta.socket.destroy();
    await vi.waitFor(() => expect(errors.length).toBe(1));
    expect(errors[0]?.[1].stage).toBe('rcpt');
  });
});
