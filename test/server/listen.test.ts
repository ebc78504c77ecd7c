import {
  NEVER,
  type Observable,
  Subject,
  type Subscription,
  ignoreElements,
  mergeMap,
  take,
  takeUntil,
  tap,
  throwError,
} from 'rxjs';
import {
  type Session,
  on,
  sink,
  listen,
  type ListenOptions,
  accept,
  reject,
  type Outcome,
  EndpointError,
  ListenError,
} from 'rxmilter';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { freePort } from '../mta/support/free-port.js';
import { frame, said } from '../support/session-frames.js';
import { type SocketMta, socketMta } from '../support/session-mta.js';

interface Listening {
  readonly mta: () => Promise<SocketMta>;
  readonly outcomes: Outcome[];
  readonly ended: string[];
  readonly subscription: Subscription;
}

/** Listens for as long as the test lasts; `pipeline` is what is made of the sessions. */
async function listening(
  pipeline: (sessions: Observable<Session>) => Observable<Outcome>,
  options: ListenOptions = {},
): Promise<Listening> {
  const port = await freePort();
  const outcomes: Outcome[] = [];
  const ended: string[] = [];
  const subscription = pipeline(listen({ port, host: '127.0.0.1' }, options)).subscribe({
    next: (outcome) => void outcomes.push(outcome),
    error: (error: unknown) => void ended.push(String(error)),
    complete: () => void ended.push('complete'),
  });
  onTestFinished(() => subscription.unsubscribe());
  const address = `inet:${port}@127.0.0.1`;
  // The server is bound a moment after the subscription.
  const mta = (): Promise<SocketMta> => vi.waitFor(() => socketMta(address), { timeout: 5_000, interval: 5 });
  return { mta, outcomes, ended, subscription };
}
const refuse = on('rcpt', () => reject());

describe('the literal form', () => {
  it('emits what was answered, and completes each sink with its connection', async () => {
    let completed = 0;
    const { mta, outcomes, ended } = await listening((sessions) =>
      sessions.pipe(
        mergeMap((session) =>
          session.events.pipe(refuse, sink(session), tap({ complete: () => completed++ })),
        ),
      ),
    );
    const one = await mta();
    await one.ask('C01');
    expect(await one.ask('C16')).toEqual(said('R05'));
    one.send('C29');
    await one.closed;
    expect(outcomes.map(({ stage, decision }) => [stage, decision])).toEqual([['rcpt', reject()]]);
    expect(completed).toBe(1);
    expect(ended).toEqual([]);
  });

  it('takes sessions from any number of connections', async () => {
    const ids = new Set<string>();
    const { mta } = await listening((sessions) =>
      sessions.pipe(
        mergeMap((session) => {
          ids.add(session.id);
          return session.events.pipe(refuse, sink(session));
        }),
      ),
    );
    for (let round = 0; round < 3; round++) await (await mta()).ask('C01');
    expect(ids.size).toBeGreaterThanOrEqual(3);
  });

  it('lets an MTA wait that is faster than the pipeline', async () => {
    const go = new Subject<void>();
    const { mta } = await listening((sessions) =>
      sessions.pipe(
        mergeMap((session) =>
          go.pipe(
            take(1),
            mergeMap(() => session.events.pipe(refuse, sink(session))),
          ),
        ),
      ),
    );
    const one = await mta();
    one.send('C01', 'C12', 'C16');
    while (!go.observed) await new Promise((resolve) => setImmediate(resolve));
    go.next();
    const [, ...rest] = await one.hears(2);
    expect(rest).toEqual(said('R05'));
  });

  it('cannot be subscribed to twice: the second one is told what to do, the first goes on', async () => {
    const errors: unknown[] = [];
    const taken: Session[] = [];
    const { mta } = await listening((sessions) =>
      sessions.pipe(
        tap((session) => void taken.push(session)),
        mergeMap((session) => session.events.pipe(refuse, sink(session))),
      ),
    );
    const one = await mta();
    await one.ask('C01');
    for (const session of taken) {
      session.events.subscribe({ error: (error: unknown) => errors.push(error) });
      session.events.pipe(refuse, sink(session)).subscribe({ error: (error: unknown) => errors.push(error) });
    }
    expect(await one.ask('C16')).toEqual(said('R05'));
    expect(errors).toEqual([
      expect.objectContaining({ message: expect.stringMatching(/second time.*share\(\)/) }),
      expect.objectContaining({ message: expect.stringMatching(/second time.*one sink/) }),
    ]);
  });

  it('without a sink is an error that says what to do', async () => {
    const errors: unknown[] = [];
    const begin = (session: Session): void => {
      session.events.pipe(refuse).subscribe({ error: (error: unknown) => errors.push(error) });
    };
    const { mta } = await listening((sessions) =>
      sessions.pipe(
        tap(begin),
        mergeMap((session) => session.events.pipe(refuse, sink(session))),
      ),
    );
    const one = await mta();
    await one.ask('C01');
    expect(errors).toEqual([expect.objectContaining({ message: expect.stringContaining('sink(session)') })]);
  });

  it('whose pipeline errors gives the failure decision, closes that connection, and goes on', async () => {
    const { mta, outcomes, ended } = await listening((sessions) =>
      sessions.pipe(
        mergeMap((session) =>
          session.events.pipe(
            mergeMap((flow) =>
              flow.stage === 'rcpt' && flow.address === 'u1@example.org'
                ? throwError(() => new Error('broken'))
                : [flow],
            ),
            sink(session),
          ),
        ),
      ),
    );
    const [bad, good] = [await mta(), await mta()];
    await bad.ask('C01');
    await good.ask('C01');
    bad.send('C35');
    expect(await bad.rest()).toEqual(said('R06'));
    expect(await good.ask('C16')).toEqual(said('R03'));
    expect(outcomes[0]).toMatchObject({
      stage: 'rcpt',
      error: { name: 'ProjectError', message: expect.stringContaining('broken') },
    });
    expect(ended).toEqual([]);
  });

  it('whose pipeline completes early does the same', async () => {
    const { mta, outcomes } = await listening((sessions) =>
      sessions.pipe(mergeMap((session) => session.events.pipe(take(1), ignoreElements(), sink(session)))),
    );
    const one = await mta();
    await one.ask('C01');
    one.send('C03');
    expect(await one.rest()).toEqual(said('R06'));
    expect(outcomes).toEqual([
      expect.objectContaining({
        stage: 'connect',
        error: expect.objectContaining({ name: 'UnansweredError' }),
      }),
    ]);
  });
});

describe('a session that is not subscribed to', () => {
  it('within the time for its negotiation is closed, and told of by its name', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const warning = vi.spyOn(process, 'emitWarning').mockReturnValue();
    onTestFinished(() => {
      warning.mockRestore();
      vi.useRealTimers();
    });
    const ids: string[] = [];
    const { mta, ended } = await listening(
      (sessions) =>
        sessions.pipe(
          tap(({ id }) => void ids.push(id)),
          mergeMap((session) => session.events.pipe(refuse, sink(session)), 1),
        ),
      { timeouts: { negotiate: 20_000 } },
    );
    const first = await mta();
    await first.ask('C01');
    const starved = await mta();
    starved.send('C01');
    await vi.waitFor(() => expect(ids).toHaveLength(2), { timeout: 5_000, interval: 5 });
    // It has a session, and its bytes are read.
    vi.advanceTimersByTime(20_000);
    expect(warning.mock.calls).toEqual([]);
    vi.advanceTimersByTime(10_000);
    expect(await starved.rest()).toEqual([]);
    expect(warning.mock.calls).toEqual([
      [
        `Session ${ids[1]}: Its events were not subscribed to within 20000 ms, as where mergeMap(…, n) has n sessions already; the connection is closed.`,
        { type: 'MilterWarning' },
      ],
    ]);
    // The others are served as before.
    expect(await first.ask('C16')).toEqual(said('R05'));
    first.send('C29');
    await first.closed;
    const next = await mta();
    await next.ask('C01');
    expect(await next.ask('C16')).toEqual(said('R05'));
    expect(ended).toEqual([]);
  });

  it('and breaks the protocol is told of, too', async () => {
    const warning = vi.spyOn(process, 'emitWarning').mockReturnValue();
    onTestFinished(() => {
      warning.mockRestore();
    });
    const { mta } = await listening((sessions) => sessions.pipe(mergeMap(() => NEVER)));
    const bad = await mta();
    bad.send(frame('!'));
    await bad.closed;
    expect(warning.mock.calls).toEqual([
      [expect.stringMatching(/^Session \S+: Milter protocol violated/), { type: 'MilterWarning' }],
    ]);
  });
});

describe('its end', () => {
  it('by unsubscribing closes hard', async () => {
    const { mta, subscription } = await listening((sessions) =>
      sessions.pipe(
        mergeMap((session) =>
          session.events.pipe(
            on('rcpt', () => NEVER),
            sink(session),
          ),
        ),
      ),
    );
    const one = await mta();
    await one.ask('C01');
    one.send('C16');
    subscription.unsubscribe();
    expect(await one.rest()).toEqual([]);
    await vi.waitFor(() => expect(one.socket.destroyed).toBe(true));
  });

  it('by takeUntil before mergeMap drains: a message in flight is finished, then all completes', async () => {
    const stop = new Subject<void>();
    const { mta, ended } = await listening(
      (sessions) =>
        sessions.pipe(
          // What comes after it is meant to outlive it.
          // eslint-disable-next-line rxjs-x/no-unsafe-takeuntil
          takeUntil(stop),
          mergeMap((session) =>
            session.events.pipe(
              on(['mail', 'rcpt', 'eom'], ({ stage }) => (stage === 'eom' ? accept() : undefined)),
              sink(session),
            ),
          ),
        ),
      { timeouts: { linger: 20 } },
    );
    const one = await mta();
    await one.ask('C01');
    await one.ask('C12');
    stop.next();
    expect(ended).toEqual([]);
    expect(await one.ask('C16')).toEqual(said('R03'));
    expect(await one.ask('C26')).toEqual(said('R04'));
    expect(await one.ask('C12')).toEqual(
      said(frame('y', '421 4.3.2 Service is shutting down, try again later\0')),
    );
    await one.closed;
    expect(ended).toEqual(['complete']);
  });

  it('by takeUntil after mergeMap closes hard', async () => {
    const stop = new Subject<void>();
    const { mta, ended } = await listening((sessions) =>
      sessions.pipe(
        mergeMap((session) =>
          session.events.pipe(
            on('rcpt', () => NEVER),
            sink(session),
          ),
        ),
        takeUntil(stop),
      ),
    );
    const one = await mta();
    await one.ask('C01');
    one.send('C16');
    stop.next();
    expect(await one.rest()).toEqual([]);
    expect(ended).toEqual(['complete']);
  });

  it('before it is bound leaves nothing behind', async () => {
    const port = await freePort();
    for (let round = 0; round < 3; round++) listen({ port, host: '127.0.0.1' }).subscribe().unsubscribe();
    await new Promise((resolve) => setImmediate(resolve));
    const subscription = listen({ port, host: '127.0.0.1' })
      .pipe(mergeMap((session) => session.events.pipe(refuse, sink(session))))
      .subscribe();
    onTestFinished(() => subscription.unsubscribe());
    const one = await vi.waitFor(() => socketMta(`inet:${port}@127.0.0.1`), { timeout: 5_000, interval: 5 });
    expect(await one.ask('C01')).toHaveLength(1);
  });
});

describe('what cannot be listened on', () => {
  const failure = (endpoint: Parameters<typeof listen>[0], options?: ListenOptions): Promise<unknown> =>
    new Promise((resolve) => listen(endpoint, options).subscribe({ error: resolve }));

  it('is an error of the Observable, and a wrong option one of the call', async () => {
    expect(await failure('nonsense')).toBeInstanceOf(EndpointError);
    expect(await failure('unix:/no/such/directory/filter.sock')).toBeInstanceOf(ListenError);
    expect(() => listen({ port: 0 }, { version: 9 as never })).toThrow(RangeError);
    expect(() => listen({ port: 0 }, { drainTimeout: Infinity })).toThrow(RangeError);
  });

  it('is so for a port that is taken, and the one that has it goes on', async () => {
    const { mta } = await listening((sessions) =>
      sessions.pipe(mergeMap((session) => session.events.pipe(refuse, sink(session)))),
    );
    const one = await mta();
    const port = one.socket.remotePort ?? 0;
    expect(await failure({ port, host: '127.0.0.1' })).toBeInstanceOf(ListenError);
    await one.ask('C01');
    expect(await one.ask('C16')).toEqual(said('R05'));
  });
});
