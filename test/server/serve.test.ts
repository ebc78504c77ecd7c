import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { Server, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  BehaviorSubject,
  EMPTY,
  NEVER,
  type OperatorFunction,
  Subject,
  concat,
  firstValueFrom,
  from,
  map,
  of,
  take,
  takeWhile,
  tap,
  throwError,
  toArray,
} from 'rxjs';
import {
  compose,
  observe,
  on,
  type MilterServer,
  type ServeOptions,
  serve,
  accept,
  reject,
  tempfail,
  type Flow,
  addHeader,
  type Outcome,
  EndpointError,
  ListenError,
} from 'rxmilter';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { oneByOne } from '../support/read-frames.js';
import { frame, said } from '../support/session-frames.js';
import { socketMta } from '../support/session-mta.js';
import { standardError } from '../support/standard-error.js';
import { LOCK_STEP, LOCK_STEP_OPENING_MTA } from '../support/vectors.js';

const LOOPBACK = { port: 0, host: '127.0.0.1' } as const;
const pass = (): undefined => undefined;

type AnyFilter = Parameters<typeof serve>[0];

/** A server for as long as the test lasts, and the errors that it told of. */
async function serving(
  filter: AnyFilter,
  options: Partial<ServeOptions> = {},
): Promise<{ server: MilterServer; errors: Error[] }> {
  const errors: Error[] = [];
  const server = await serve(filter, {
    listen: LOOPBACK,
    onError: (error) => void errors.push(error),
    ...options,
  });
  onTestFinished(() => server.destroy());
  return { server, errors };
}

describe('a server', () => {
  it('speaks a whole session over a socket', async () => {
    const { server } = await serving(
      on('eom', () => [addHeader('X-Test', ' yes'), accept()]),
      { negotiate: () => ({ version: 6, actions: 0x11, protocol: 0x100500, macros: {} }) },
    );
    const mta = await socketMta(server.address);
    for (const step of LOCK_STEP) {
      mta.send(...step.mta);
      const expected = step.filter.filter((id) => id !== 'R22');
      expect(await mta.hears(expected.length)).toEqual(said(...expected));
    }
    expect(await mta.rest()).toEqual([]);
  });

  it('takes bytes one by one', async () => {
    const { server } = await serving(on(['connect', 'helo'], pass), {
      negotiate: () => ({ version: 6, actions: 0x11, protocol: 0x100500, macros: {} }),
    });
    const mta = await socketMta(server.address);
    mta.socket.setNoDelay(true);
    for (const byte of oneByOne(LOCK_STEP_OPENING_MTA)) mta.send(byte);
    expect(await mta.hears(3)).toEqual(said('R01', 'R03', 'R03'));
  });

  it('takes a whole session that comes in one piece, QUIT and all, and answers before it closes', async () => {
    const { server } = await serving(on(['connect', 'mail', 'rcpt', 'eom'], pass));
    const mta = await socketMta(server.address);
    mta.send('C01', 'C03', 'C12', 'C16', 'C26', 'C28', 'C28', 'C29');
    expect((await mta.rest()).slice(1)).toEqual(said('R03', 'R03', 'R03', 'R03'));
  });

  it('serves many connections, each for itself', async () => {
    const { server } = await serving(on('rcpt', ({ session }) => reject(session.client.host)));
    const mtas = await Promise.all(Array.from({ length: 20 }, () => socketMta(server.address)));
    await Promise.all(mtas.map((mta) => mta.ask('C01')));
    mtas.forEach((mta, index) => mta.send(frame('C', `client${index}\0U`)));
    const heard = await Promise.all(mtas.map((mta) => mta.ask('C16')));
    heard.forEach((frames, index) => expect(frames).toEqual(said(frame('y', `550 5.7.1 client${index}\0`))));
  });

  it('cancels what runs for an MTA whose socket is gone', async () => {
    let begun: (signal: AbortSignal) => void;
    const running = new Promise<AbortSignal>((resolve) => (begun = resolve));
    const { server, errors } = await serving(
      on('rcpt', (_event, { signal }) => {
        begun(signal);
        return NEVER;
      }),
    );
    for (const end of ['destroy', 'resetAndDestroy'] as const) {
      const mta = await socketMta(server.address);
      await mta.ask('C01');
      mta.send('C16');
      const signal = await running;
      mta.socket[end]();
      if (!signal.aborted) await once(signal, 'abort');
    }
    expect(errors).toEqual([]);
  });
});

describe('where it listens', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'serve-'));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  it.each(['inet:0@127.0.0.1', 'inet6:0@::1'])('is told with the port that it got: %s', async (listen) => {
    const { server } = await serving(on('connect', pass), { listen });
    expect(server.address).toMatch(new RegExp(`^${listen.replace(':0@', ':[1-9][0-9]*@')}$`));
    const mta = await socketMta(server.address);
    expect(await mta.ask('C01')).toHaveLength(1);
  });

  it('may be a Unix socket, with a mode, that is gone afterwards', async () => {
    const path = join(directory, 'filter.sock');
    const { server } = await serving(on('connect', pass), { listen: `unix:${path}`, mode: 0o640 });
    expect(server.address).toBe(`unix:${path}`);
    expect(statSync(path).mode & 0o777).toBe(0o640);
    const mta = await socketMta(server.address);
    await mta.ask('C01');
    expect(await mta.ask('C03')).toEqual(said('R03'));
    mta.send('C29');
    await mta.closed;
    await server.close();
    expect(existsSync(path)).toBe(false);
  });

  it('that is taken is told in an error, and nothing is left running', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const filters = new Subject<OperatorFunction<Flow, Flow>>();
    const failing = serve(concat(of(on('connect', pass)), filters), { listen: { port, host: '127.0.0.1' } });
    await expect(failing).rejects.toThrow(ListenError);
    await expect(failing).rejects.toThrow(String(port));
    expect(filters.observed).toBe(false);
  });

  it.each<[Partial<ServeOptions>, new (...args: never[]) => Error]>([
    [{ listen: 'nonsense' }, EndpointError],
    [{ listen: 'unix:/no/such/directory/filter.sock' }, ListenError],
    [{ listen: { port: 70_000 } }, EndpointError],
    [{ version: 7 as never }, RangeError],
    [{ timeouts: { reply: -1 } }, RangeError],
    [{ stages: ['bodies' as never] }, RangeError],
    [{ leadingSpace: 'no' as never }, TypeError],
    [{ rejectedRecipients: 1 as never }, TypeError],
    [{ noReply: 'false' as never }, TypeError],
    [{ trace: 'mail.log' as never }, TypeError],
    [{ negotiate: {} as never }, TypeError],
    [{ requireRights: 'CHGBODY' as never }, TypeError],
    [{ drainTimeout: Infinity }, RangeError],
    [{ drainTimeout: -1 }, RangeError],
    [{ drainTimeout: NaN }, RangeError],
  ])('or how, where it is wrong, is told in an error: %j', async (options, type) => {
    await expect(serve(on('connect', pass), { listen: LOOPBACK, ...options })).rejects.toThrow(type);
  });

  it('turns away more connections than it is to have', async () => {
    const { server } = await serving(on('connect', pass), { maxConnections: 1 });
    const first = await socketMta(server.address);
    await first.ask('C01');
    const second = await socketMta(server.address);
    await second.closed;
    expect(await first.ask('C03')).toEqual(said('R03'));
  });

  it('is no filter', async () => {
    await expect(serve({} as never, { listen: LOOPBACK })).rejects.toThrow(TypeError);
  });
});

describe('outcomes', () => {
  it("are not what an operator of one's own costs: that is said once, with what to do", async () => {
    const warning = vi.spyOn(process, 'emitWarning').mockReturnValue(undefined);
    onTestFinished(() => warning.mockRestore());
    const own: OperatorFunction<Flow, Flow> = (source) => source.pipe(tap());
    await serving(
      compose(
        own,
        on('rcpt', () => reject()),
      ),
    );
    await serving(
      compose(
        observe('mail', () => undefined),
        on('rcpt', () => reject()),
      ),
    );
    expect(warning.mock.calls.map(([message]) => message)).toEqual([
      expect.stringMatching(
        /^serve\(\): the first argument has an operator of your own in it.*Put observe\(\) in the place of tap/,
      ),
    ]);
    const filters = new Subject<OperatorFunction<Flow, Flow>>();
    const starting = serve(filters, { listen: 'inet:0@127.0.0.1' });
    filters.next(own);
    filters.next(own);
    const server = await starting;
    onTestFinished(() => server.destroy());
    expect(warning).toHaveBeenCalledTimes(2);
  });

  it('tell of each answer: of what, to whom, how long it took', async () => {
    const { server } = await serving(
      on(['connect', 'rcpt', 'eom'], ({ stage }) => (stage === 'rcpt' ? reject('no') : undefined)),
    );
    const found = firstValueFrom(server.outcomes.pipe(take(3), toArray()));
    const mta = await socketMta(server.address);
    await mta.ask('C01');
    for (const id of ['C03', 'C16', 'C26']) await mta.ask(id);
    const outcomes = await found;
    expect(outcomes.map(({ stage, decision, error }) => [stage, decision?.kind, error])).toEqual([
      ['connect', undefined, undefined],
      ['rcpt', 'reject', undefined],
      ['eom', undefined, undefined],
    ]);
    for (const { session, elapsed, modifications } of outcomes) {
      expect(session.client.host).toBe('mail.example.com');
      expect(elapsed).toBeGreaterThanOrEqual(0);
      expect(modifications).toEqual([]);
    }
  });

  it('tell of what went wrong, and so does onError, with the outcome', async () => {
    const told: [Error, Outcome][] = [];
    const { server } = await serving(
      on('rcpt', () => {
        throw new Error('broken');
      }),
      { onError: (error, outcome) => void told.push([error, outcome]) },
    );
    const found = firstValueFrom(server.outcomes);
    const mta = await socketMta(server.address);
    await mta.ask('C01');
    expect(await mta.ask('C16')).toEqual(said('R06'));
    const outcome = await found;
    expect(outcome).toMatchObject({ stage: 'rcpt', decision: tempfail(), error: { name: 'ProjectError' } });
    expect(told).toEqual([[outcome.error, outcome]]);
  });

  it('complete with the server', async () => {
    const { server } = await serving(on('rcpt', pass));
    const all = firstValueFrom(server.outcomes.pipe(toArray()));
    await server.close();
    expect(await all).toEqual([]);
  });
});

describe('what it is told', () => {
  it.each([
    [undefined, 'the option listen is missing. Say where to listen: serve(filter, { listen: '],
    [{}, 'the option listen is missing. Say where to listen: serve(filter, { listen: '],
    [{ lisen: LOOPBACK }, 'there is no option lisen. Did you mean listen?'],
  ])('has to say where to listen: %j', async (options, words) => {
    await expect(serve(compose(), options as never)).rejects.toThrow(words);
  });
});

describe('onError', () => {
  const broken = on('rcpt', () => {
    throw new Error('broken');
  });

  it('is a line on standard error where there is none', async () => {
    const written = standardError();
    const server = await serve(broken, { listen: LOOPBACK });
    onTestFinished(() => server.destroy());
    const mta = await socketMta(server.address);
    await mta.ask('C01');
    expect(await mta.ask('C16')).toEqual(said('R06'));
    // With whose it was, and the place in the filter's own code.
    expect(written.join('')).toMatch(
      /^rxmilter: session \w+, client unknown, to <bob@example\.org>: The filter failed at stage rcpt: broken \(at serve\.test\.ts:\d+:\d+\)\n$/,
    );
  });

  it('that rejects costs nobody anything', async () => {
    const written = standardError();
    const full = (): Promise<never> => Promise.reject(new Error('the log is full'));
    const { server } = await serving(broken, { onError: full as unknown as () => void });
    const mta = await socketMta(server.address);
    await mta.ask('C01');
    expect(await mta.ask('C16')).toEqual(said('R06'));
    await vi.waitFor(() =>
      expect(written[0]).toMatch(/^rxmilter: onError failed: Error: the log is full \(at serve\.test\.ts:/),
    );
  });

  it('that throws costs nobody anything', async () => {
    const written = standardError();
    const { server } = await serving(broken, {
      onError: () => {
        throw new Error('the log is full');
      },
    });
    const mta = await socketMta(server.address);
    await mta.ask('C01');
    expect(await mta.ask('C16')).toEqual(said('R06'));
    expect(await mta.ask('C16')).toEqual(said('R06'));
    await vi.waitFor(() =>
      expect(written[0]).toMatch(/^rxmilter: onError failed: Error: the log is full \(at serve\.test\.ts:/),
    );
  });
});

describe('a filter that ends its own server', () => {
  it.each([
    ['destroy', (server: MilterServer) => server.destroy()],
    ['close', (server: MilterServer) => void server.close()],
  ])('in the middle of a decision may do so: %s', async (how, end) => {
    const { server, errors } = await serving(
      on('rcpt', () => {
        end(server);
        return reject();
      }),
      { timeouts: { linger: 20 } },
    );
    const mta = await socketMta(server.address);
    await mta.ask('C01');
    mta.send('C16', 'C28');
    expect(await mta.rest()).toEqual(how === 'destroy' ? [] : said('R05'));
    expect(errors).toEqual([]);
  });

  it('in the middle of being told of an error may do so', async () => {
    let ending: Promise<void> | undefined;
    const server: MilterServer = await serve(
      on('rcpt', () => {
        throw new Error('broken');
      }),
      {
        listen: LOOPBACK,
        onError: () => {
          server.destroy();
          ending = server.close();
        },
      },
    );
    const mta = await socketMta(server.address);
    await mta.ask('C01');
    mta.send('C16');
    await mta.closed;
    await ending;
  });
});

describe("a pipeline of one's own", () => {
  /** Two connections; the first one's RCPT is what makes the pipeline do what it does. */
  async function expectClosed(filter: OperatorFunction<Flow, Flow>): Promise<Error[]> {
    const { server, errors } = await serving(filter);
    const bad = await socketMta(server.address);
    const good = await socketMta(server.address);
    await bad.ask('C01');
    await good.ask('C01');
    bad.send('C35');
    expect(await bad.rest()).toEqual(said('R06'));
    expect(await good.ask('C16')).toEqual(said('R03'));
    return errors;
  }
  const isBad = (flow: Flow): boolean => flow.stage === 'rcpt' && flow.address === 'u1@example.org';

  it.each<[string, () => OperatorFunction<Flow, Flow>]>([
    [
      'alone',
      () =>
        map((flow) => {
          if (isBad(flow)) throw new Error('broken');
          return flow;
        }),
    ],
    [
      'among filters',
      () =>
        compose(
          on('rcpt', pass),
          map((flow) => {
            if (isBad(flow)) throw new Error('broken');
            return flow;
          }),
          on('eom', pass),
        ),
    ],
  ])(
    'that errors costs its connection, after the failure decision, and no other: %s',
    async (_where, filter) => {
      const errors = await expectClosed(filter());
      expect(errors).toEqual([expect.objectContaining({ name: 'ProjectError' })]);
      expect(errors[0]?.message).toContain('broken');
    },
  );

  it('that completes early costs its connection, after the failure decision, and no other', async () => {
    const errors = await expectClosed(takeWhile((flow) => !isBad(flow)));
    expect(errors).toEqual([expect.objectContaining({ name: 'UnansweredError' })]);
  });

  it.each([undefined, null, 'reject', 7, {}])('that emits %j costs no more than that', async (nonsense) => {
    const errors = await expectClosed(map((flow) => (isBad(flow) ? (nonsense as never) : flow)));
    expect(errors).toHaveLength(1);
  });

  it('that cannot even be started costs each event, and not the process', async () => {
    const { server, errors } = await serving(() => {
      throw new Error('broken');
    });
    for (let round = 1; round <= 2; round++) {
      const mta = await socketMta(server.address);
      await mta.ask('C01');
      expect(await mta.ask('C03')).toEqual(said(frame('t', '')));
      expect(errors).toHaveLength(round);
    }
  });
});

describe('a stream of filters', () => {
  it('serves new connections with the newest, and running ones with theirs', async () => {
    const filters = new BehaviorSubject(on('rcpt', () => reject('one')));
    const { server } = await serving(filters);
    const first = await socketMta(server.address);
    await first.ask('C01');
    filters.next(on('rcpt', () => reject('two')));
    const second = await socketMta(server.address);
    await second.ask('C01');
    expect(await first.ask('C16')).toEqual(said(frame('y', '550 5.7.1 one\0')));
    expect(await second.ask('C16')).toEqual(said(frame('y', '550 5.7.1 two\0')));
    first.socket.destroy();
    second.socket.destroy();
    await server.close();
    expect(filters.observed).toBe(false);
  });

  it('is waited for: nobody listens before the first', async () => {
    const filters = new Subject<OperatorFunction<Flow, Flow>>();
    let served = false;
    const pending = serve(filters, { listen: LOOPBACK }).then((server) => {
      served = true;
      return server;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(served).toBe(false);
    filters.next(on('rcpt', pass));
    const server = await pending;
    server.destroy();
  });

  it('that has none is an error', async () => {
    await expect(serve(EMPTY, { listen: LOOPBACK })).rejects.toThrow(/without a filter/);
    await expect(
      serve(
        throwError(() => new Error('no rules')),
        { listen: LOOPBACK },
      ),
    ).rejects.toThrow('no rules');
  });

  it('is not waited for any more where the first is no filter', async () => {
    const filters = new BehaviorSubject('no filter' as never);
    await expect(serve(filters, { listen: LOOPBACK })).rejects.toThrow(
      'serve(): a value of the Observable of filters',
    );
    expect(filters.observed).toBe(false);
  });

  it('that errors later leaves the last one, and is told', async () => {
    const written = standardError();
    const filters = new Subject<OperatorFunction<Flow, Flow>>();
    const { server } = await serving(concat(of(on('rcpt', () => reject())), filters));
    filters.error(new Error('no more rules'));
    expect(written[0]).toMatch(
      /^rxmilter: the Observable of filters failed, .*: Error: no more rules \(at serve/,
    );
    const mta = await socketMta(server.address);
    await mta.ask('C01');
    expect(await mta.ask('C16')).toEqual(said('R05'));
  });

  it('may give something that is no filter: the last one stays, and it is told', async () => {
    const written = standardError();
    const { server } = await serving(from([on('rcpt', () => reject()), 'no filter' as never]));
    expect(written[0]).toMatch(/A filter is an RxJS operator/);
    const mta = await socketMta(server.address);
    await mta.ask('C01');
    expect(await mta.ask('C16')).toEqual(said('R05'));
  });
});

describe('a connection that the system does not let it accept', () => {
  it('is a warning, and the server goes on', async () => {
    const listen = vi.spyOn(Server.prototype, 'listen');
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue(undefined);
    onTestFinished(() => {
      listen.mockRestore();
      warn.mockRestore();
    });
    const { server } = await serving(on('rcpt', pass));
    const refused = new Error('accept ENOBUFS');
    (listen.mock.contexts[0] as Server).emit('error', refused);
    expect(warn).toHaveBeenCalledExactlyOnceWith(refused);
    const mta = await socketMta(server.address);
    expect(await mta.ask('C01')).toHaveLength(1);
  });
});
