import { inspect } from 'node:util';
import {
  NEVER,
  Observable,
  Subject,
  concat,
  finalize,
  map,
  mergeMap,
  of,
  throwError,
  timer,
  type OperatorFunction,
} from 'rxjs';
import {
  addHeader,
  compose,
  deadline,
  edit,
  observe,
  on,
  onMessage,
  perConnection,
  perMessage,
  reject,
  replaceBody,
  serve,
  shadow,
  strictestOf,
  when,
  type Flow,
  type ServeOptions,
} from 'rxmilter';
import { sharedLookUp } from 'rxmilter/lookups';
import { deliver, type ClientMail } from 'rxmilter/mta';
import { greylist, rateLimit } from 'rxmilter/policies';
import { record } from 'rxmilter/recording';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { THROWN } from './support/thrown-values.js';

type AnyFilter = OperatorFunction<Flow, Flow>;

/** A place where code of the user's is called. */
interface Place {
  /** The filter, in which `fail` is called where code of the user's is. */
  readonly filter: (fail: () => never, value: () => unknown) => AnyFilter;
  readonly options?: (fail: () => never, value: () => unknown) => Partial<ServeOptions>;
  /** What becomes of a message then. Default `deferred`. */
  readonly outcome?: string;
  /** Who is told: the server's `onError`, a warning of the process, or one of the two; default `onError`. */
  readonly told?: 'onError' | 'warning' | 'any' | 'nobody';
}

const MAIL: ClientMail = {
  sender: 'alice@example.com',
  recipients: ['bob@example.org'],
  headers: [['Subject', 'Hello']],
  body: 'Hi\n',
};

const all: AnyFilter = on('rcpt', () => undefined);
/** What the types forbid, and programs in JavaScript do. */
function loose<T>(given: unknown, _as?: T): T {
  return given as T;
}

function rejects(value: () => unknown): Promise<never> {
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- that is what it is about
  return Promise.reject(value());
}

const passes = { outcome: 'delivered' } as const;

const PLACES: Record<string, Place> = {
  'a project': { filter: (fail) => on('rcpt', fail) },
  'an async project': { filter: (_fail, value) => on('rcpt', () => rejects(value)) },
  'an Observable of a project': { filter: (_fail, value) => on('rcpt', () => throwError(value)) },
  'a late Observable of a project': { filter: (fail) => on('rcpt', () => timer(0).pipe(map(fail))) },
  'a teardown at the end of an Observable': {
    filter: (fail) =>
      on('rcpt', () =>
        timer(0).pipe(
          map(() => undefined),
          finalize(fail),
        ),
      ),
    ...passes,
  },
  'a teardown of an Observable that has decided': {
    filter: (fail) =>
      on('rcpt', () => concat(timer(0).pipe(map(() => reject())), NEVER).pipe(finalize(fail))),
    outcome: 'refused',
  },
  'a generator': {
    filter: (fail) =>
      on('rcpt', function* () {
        yield undefined;
        fail();
      }),
  },
  'an async generator': {
    filter: (fail) =>
      on('rcpt', async function* () {
        await Promise.resolve();
        yield undefined;
        fail();
      }),
  },
  'the next() of an iterator': {
    filter: (fail) => on('rcpt', () => loose({ [Symbol.asyncIterator]: () => ({ next: fail }) })),
  },
  'the end of an iterator': {
    filter: (fail) =>
      on('rcpt', () =>
        loose({
          [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ value: reject() }), return: fail }),
        }),
      ),
    outcome: 'refused',
    told: 'nobody',
  },
  'the latest value of a stream': {
    filter: (_fail, value) => on('rcpt', throwError(value), () => undefined),
  },
  'a project with the latest value': { filter: (fail) => on('rcpt', of(1), fail) },
  'a getter of an answer': {
    filter: (fail) => on('rcpt', () => loose(Object.defineProperty({}, 'kind', { get: fail }))),
  },
  'observe()': { filter: (fail) => observe('rcpt', fail), ...passes },
  'an async observe()': { filter: (_fail, value) => observe('rcpt', () => rejects(value)), ...passes },
  'onMessage()': { filter: (fail) => onMessage(fail) },
  'onMessage() without a body': { filter: (fail) => onMessage({ body: 'none' }, fail) },
  'onMessage() of a stream': { filter: (fail) => onMessage({ body: 'stream' }, fail) },
  'an edit': { filter: (fail) => onMessage((message) => edit(message, fail)) },
  'an async edit': { filter: (_fail, value) => onMessage((message) => edit(message, () => rejects(value))) },
  'the source of a new body': {
    filter: (fail) =>
      on('eom', () =>
        replaceBody(
          (async function* () {
            yield await Promise.resolve('new');
            fail();
          })(),
        ),
      ),
  },
  'an observer of the body': {
    filter: (fail) =>
      onMessage((message) => {
        message.body.chunks.subscribe(fail);
      }),
    ...passes,
  },
  'a listener of the body': {
    filter: (fail) =>
      onMessage(
        (message) =>
          new Promise((resolve) => {
            message.body
              .readable()
              .on('data', fail)
              .on('close', () => {
                resolve(undefined);
              });
          }),
      ),
    ...passes,
  },
  'an async listener of the message': {
    filter: (_fail, value) =>
      onMessage(
        (message) =>
          new Promise((resolve) => {
            message
              .source()
              .on(
                'data',
                loose(() => rejects(value)),
              )
              .on('close', () => {
                resolve(undefined);
              });
          }),
      ),
    ...passes,
  },
  'sharedLookUp()': {
    filter: (fail) => {
      const known = sharedLookUp<string, boolean>(fail);
      return on('rcpt', ({ address }) => known(address).pipe(map(() => undefined)));
    },
  },
  'the key of sharedLookUp()': {
    filter: (fail) => {
      const known = sharedLookUp<string, boolean>(() => of(true), { key: fail });
      return on('rcpt', ({ address }) => known(address).pipe(map(() => undefined)));
    },
  },
  'the negative answer of sharedLookUp()': {
    filter: (fail) => {
      const known = sharedLookUp<string, boolean>(() => of(true), { ttl: 0, negativeTtl: 1, negative: fail });
      return on('rcpt', ({ address }) => known(address).pipe(map(() => undefined)));
    },
  },
  'a check of strictestOf()': { filter: (fail) => on('rcpt', () => strictestOf([fail, of(undefined)])) },
  'onError of strictestOf()': {
    filter: (fail) =>
      on('rcpt', () => strictestOf([throwError(() => new Error('of a check')), reject()], { onError: fail })),
    outcome: 'refused',
    told: 'warning',
  },
  'an async onError of strictestOf()': {
    filter: (_fail, value) =>
      on('rcpt', () =>
        strictestOf([throwError(() => new Error('of a check')), reject()], {
          onError: loose(() => rejects(value)),
        }),
      ),
    outcome: 'refused',
    told: 'warning',
  },
  'the decision of deadline()': {
    filter: (fail) =>
      deadline(
        1,
        on('rcpt', () => NEVER),
        fail,
      ),
  },
  'the async decision of deadline()': {
    filter: (_fail, value) =>
      deadline(
        1,
        on('rcpt', () => NEVER),
        loose(() => rejects(value)),
      ),
  },
  'the predicate of when()': { filter: (fail) => when(fail, all) },
  'the async predicate of when()': {
    filter: (_fail, value) =>
      when(
        loose(() => rejects(value)),
        all,
      ),
  },
  'the factory of perMessage()': { filter: (fail) => perMessage(later(fail)) },
  'the async factory of perMessage()': {
    filter: (_fail, value) => perMessage(later(() => rejects(value))),
  },
  'the factory of perConnection()': { filter: (fail) => perConnection(later(fail)) },
  'the report of shadow()': {
    filter: (fail) =>
      shadow(
        on('rcpt', () => reject()),
        fail,
      ),
    ...passes,
  },
  'the async report of shadow()': {
    filter: (_fail, value) =>
      shadow(
        on('rcpt', () => reject()),
        () => rejects(value),
      ),
    ...passes,
  },
  'a filter in shadow()': {
    filter: (fail) => shadow(on('rcpt', fail), () => undefined),
    ...passes,
    told: 'nobody',
  },
  'an operator of RxJS': {
    filter: (fail) =>
      compose((source) => source.pipe(map((flow) => (flow.stage === 'rcpt' ? fail() : flow)))),
  },
  'a counter of rateLimit()': {
    filter: (fail) => rateLimit({ key: 'client', limit: 1, window: 1_000, counters: { hit: fail } }),
    told: 'any',
  },
  'the key of rateLimit()': { filter: (fail) => rateLimit({ key: fail, limit: 1, window: 1_000 }) },
  'the exemption of greylist()': { filter: (_fail, value) => greylist({ exempt: () => rejects(value) }) },
  'an async onAway': {
    filter: (_fail, value) =>
      rateLimit({
        key: 'client',
        limit: 1,
        window: 1_000,
        counters: { hit: () => rejects(value) },
        onAway: loose(() => rejects(value)),
      }),
    told: 'any',
  },
  trace: { filter: () => all, options: (fail) => ({ trace: fail }), ...passes },
  'an async trace': {
    filter: () => all,
    options: (_fail, value) => ({ trace: loose(() => rejects(value)) }),
    ...passes,
  },
  'the writer of record()': { filter: () => all, options: (fail) => ({ trace: record(fail) }), ...passes },
  'the negotiate hook': { filter: () => all, options: (fail) => ({ negotiate: fail }) },
  'the async negotiate hook': {
    filter: () => all,
    options: (_fail, value) => ({ negotiate: loose(() => rejects(value)) }),
  },
  onError: {
    filter: (fail) => on('rcpt', fail),
    options: (fail) => ({ onError: fail }),
    told: 'warning',
  },
  'an async onError': {
    filter: (fail) => on('rcpt', fail),
    options: (_fail, value) => ({ onError: loose(() => rejects(value)) }),
    told: 'warning',
  },
  'the default of onError': {
    filter: (fail) => on('rcpt', fail),
    options: () => ({ onError: undefined }),
    told: 'warning',
  },
};

/** A factory is asked once for what its filter needs. */
function later(make: () => unknown): () => AnyFilter {
  let asked = false;
  return () => {
    if (asked) return loose(make());
    asked = true;
    return all;
  };
}

/** What the process would have ended with. */
const fatal: unknown[] = [];
const warnings: unknown[] = [];
const noteFatal = (error: unknown): void => void fatal.push(error);
const noteWarning = (warning: unknown): void => void warnings.push(warning);

beforeEach(() => {
  fatal.length = warnings.length = 0;
  process.on('uncaughtException', noteFatal).on('unhandledRejection', noteFatal).on('warning', noteWarning);
  // What no function of the user's takes is a line on standard error.
  vi.spyOn(process.stderr, 'write').mockImplementation((line, ...rest) => {
    noteWarning(line);
    const done = rest.at(-1);
    if (typeof done === 'function') done();
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  process
    .off('uncaughtException', noteFatal)
    .off('unhandledRejection', noteFatal)
    .off('warning', noteWarning);
});

/** Long enough for everything that is under way in timers and promises. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
}

describe('Any value that is thrown', () => {
  it.each(Object.entries(PLACES))(
    'in %s costs at most its event, and is told',
    async (_name, { filter, options, outcome = 'deferred', told = 'onError' }) => {
      let make: () => unknown = () => undefined;
      const value = (): unknown => make();
      const fail = (): never => {
        throw value();
      };
      const errors: Error[] = [];
      const onError = (error: Error): void => {
        // Whatever a program logs of it.
        errors.push(new Error(`${error.name} ${error.message} ${error.stack ?? ''}`));
      };
      const server = await serve(filter(fail, value), {
        listen: 'inet:0@127.0.0.1',
        onError,
        ...options?.(fail, value),
      });
      onTestFinished(() => server.destroy());
      for (const [name, each] of THROWN) {
        make = each;
        errors.length = warnings.length = 0;
        const delivery = await deliver(MAIL, { to: server.address, onFailure: 'tempfail' });
        await settled();
        const found = { name, outcome: delivery.outcome, fatal: fatal.map((one) => inspect(one)) };
        expect(found, inspect(found)).toEqual({ name, outcome, fatal: [] });
        const heard = { onError: errors.length, warning: warnings.length, any: 1, nobody: 1 }[told];
        expect({ name, heard }).toEqual({ name, heard: expect.any(Number) as number });
        expect(heard, name).toBeGreaterThan(0);
      }
    },
    60_000,
  );

  it.each(['next', 'error', 'complete', 'async next'])(
    'in %s of a subscriber of the outcomes is told',
    async (how) => {
      for (const [name, make] of THROWN) {
        const errors: Error[] = [];
        const server = await serve(
          on('rcpt', () => reject()),
          { listen: 'inet:0@127.0.0.1', onError: (error) => void errors.push(error) },
        );
        warnings.length = 0;
        const fail = (): never => {
          throw make();
        };
        const broken = server.outcomes.pipe(mergeMap(() => throwError(() => new Error('broken'))));
        if (how === 'next') server.outcomes.subscribe(fail);
        else if (how === 'error') broken.subscribe({ error: fail });
        else if (how === 'complete') server.outcomes.subscribe({ complete: fail });
        else server.outcomes.subscribe(loose(() => rejects(make)));
        expect((await deliver(MAIL, { to: server.address })).outcome).toBe('refused');
        await server.close();
        await settled();
        expect({ name, fatal: [...fatal], told: errors.length + warnings.length > 0 }).toEqual({
          name,
          fatal: [],
          told: true,
        });
      }
    },
    60_000,
  );
});

describe('A value that a project returns', () => {
  it.each(THROWN)('costs its event where it is no answer: %s', async (name, make) => {
    const server = await serve(on('rcpt', loose(make)), {
      listen: 'inet:0@127.0.0.1',
      onError: () => undefined,
    });
    onTestFinished(() => server.destroy());
    const nothing = name === 'undefined' || name === 'null';
    const { outcome } = await deliver(MAIL, { to: server.address });
    await settled();
    expect({ outcome, fatal: [...fatal] }).toEqual({
      outcome: nothing ? 'delivered' : 'deferred',
      fatal: [],
    });
  });
});

describe('A listener of the signal that throws', () => {
  it('is told, and neither the other listeners nor the next message notice', async () => {
    const errors: string[] = [];
    const called: string[] = [];
    const server = await serve(
      deadline(
        1,
        on('rcpt', (_rcpt, { signal }) => {
          const broken = (): never => {
            throw Object.create(null);
          };
          const removed = (): void => void called.push('removed');
          signal.addEventListener('abort', broken, { once: true });
          signal.addEventListener('abort', { handleEvent: broken });
          signal.addEventListener(
            'abort',
            loose(() => rejects(() => Symbol('late'))),
          );
          signal.addEventListener('abort', removed);
          signal.removeEventListener('abort', removed);
          signal.addEventListener('abort', () => void called.push('listener'));
          signal.onabort = broken;
          void AbortSignal.any([signal]);
          return new Subject();
        }),
        reject(),
      ),
      { listen: 'inet:0@127.0.0.1', onError: ({ message }) => void errors.push(message) },
    );
    onTestFinished(() => server.destroy());
    for (let message = 1; message <= 2; message++) {
      expect((await deliver(MAIL, { to: server.address })).outcome).toBe('refused');
      await settled();
      expect(called).toEqual(Array.from({ length: message }, () => 'listener'));
      expect(errors).toHaveLength(4 * message);
    }
    expect(fatal).toEqual([]);
  });
});

describe('A body that an earlier answer gave', () => {
  it.each(['throws', 'rejects', 'fails late'])(
    'whose destroy() %s at the deadline ends nothing',
    async (how) => {
      const broken = Object.assign(
        {
          [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => undefined) }),
          on: () => undefined,
        },
        {
          destroy: () => {
            if (how === 'throws') throw Object.create(null);
            return how === 'rejects' ? rejects(() => Object.create(null)) : undefined;
          },
        },
      );
      const server = await serve(
        on('eom', () => [addHeader('X-New', 'yes'), replaceBody(loose(broken))]),
        { listen: 'inet:0@127.0.0.1', timeouts: { eom: 20 }, onError: () => undefined },
      );
      onTestFinished(() => server.destroy());
      for (let message = 0; message < 2; message++) {
        expect((await deliver(MAIL, { to: server.address })).outcome).toBe('deferred');
        await settled();
        expect(fatal).toEqual([]);
      }
    },
  );
});

describe('An observer of a body without an error handler', () => {
  it('is told of an aborted message by onError, and not by the end of the process', async () => {
    const errors: string[] = [];
    const begun = new Subject<void>();
    const server = await serve(
      onMessage({ body: 'stream' }, (message) => {
        message.body.chunks.subscribe(() => {
          begun.next();
        });
        return new Observable();
      }),
      { listen: 'inet:0@127.0.0.1', onError: ({ message }) => void errors.push(message) },
    );
    onTestFinished(() => server.destroy());
    const gone = new AbortController();
    begun.subscribe(() => {
      gone.abort();
    });
    const options = { to: server.address, signal: gone.signal };
    const body = `${'x'.repeat(70)}\n`.repeat(20_000);
    await expect(deliver({ ...MAIL, body }, options)).rejects.toThrow();
    await expect.poll(() => errors).toHaveLength(1);
    expect(errors[0]).toMatch(
      /A reader of the message failed, or takes no errors, .*The message was aborted/,
    );
    await settled();
    expect(fatal).toEqual([]);
  });
});
