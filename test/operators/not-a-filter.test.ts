import { mergeMap, of } from 'rxjs';
import {
  compose,
  deadline,
  listen,
  on,
  onMessage,
  openSocket,
  perConnection,
  perMessage,
  reject,
  requireRights,
  serve,
  shadow,
  sink,
  tempfail,
  when,
  type Filter,
  type MilterServer,
  type Outcome,
} from 'rxmilter';
import { deliver } from 'rxmilter/mta';
import { simulate } from 'rxmilter/testing';
import { afterEach, describe, expect, it } from 'vitest';

import { messageOf } from '../../src/common/text-of.js';

const MAIL = { sender: 'a@example.com', recipients: ['b@example.org'] };

/** What plain JavaScript may give where a filter is expected. */
function plain(fn: (event: never) => unknown): Filter {
  return fn as unknown as Filter;
}

const decides = plain((rcpt: { address?: string }) => (rcpt.address === 'x' ? reject() : undefined));

describe('a plain function where a filter is expected', () => {
  it.each([
    [
      'compose(): argument 2',
      () =>
        compose(
          on('mail', () => undefined),
          decides,
        ),
    ],
    ['when(): the second argument', () => when(() => true, decides)],
    [
      'when(): the third argument',
      () =>
        when(
          () => false,
          on('mail', () => undefined),
          decides,
        ),
    ],
    ['deadline(): the second argument', () => deadline(1_000, decides, 'pass')],
    ['requireRights(): the second argument', () => requireRights([], decides)],
    ['perMessage(): what the function returned', () => perMessage(() => decides)],
    ['perConnection(): what the function returned', () => perConnection(() => decides)],
    ['The filter', () => decides],
  ])('is named as %s, and mail is deferred', async (which, filter) => {
    const outcomes: Outcome[] = [];
    const delivery = await deliver(MAIL, { to: filter(), outcome: (one) => outcomes.push(one) });
    expect(delivery).toMatchObject({ outcome: 'deferred', failure: undefined });
    const error = outcomes.find((one) => one.error !== undefined)?.error;
    expect((error?.cause as Error).message).toBe(
      `${which} is no filter: called with the Observable of the events it returned undefined, and no Observable. ` +
        'A filter is an RxJS operator: what on(), compose() and others make, or a function from an Observable to an Observable. ' +
        "A function that decides about an event becomes one by on('rcpt', fn).",
    );
  });

  it.each([
    ['is async', plain(async () => Promise.reject(new Error('late'))), 'it returned a promise'],
    ['returns a decision', plain(() => reject('No')), "it returned { kind: 'reject'"],
    ['returns another function', plain(() => () => undefined), 'it returned a function'],
    ['throws', plain((rcpt: { address: string }) => rcpt.address.toLowerCase()), 'threw when it was called'],
  ])('is told apart where it %s', async (_what, filter, words) => {
    const mta = await simulate(filter);
    expect(await mta.connect()).toMatchObject({ verdict: 'tempfail' });
    expect(mta.outcomes.map(({ error }) => (error?.cause as Error | undefined)?.message)).toContainEqual(
      expect.stringContaining(words),
    );
    await mta.close();
  });

  it('in the shadow is a difference in those words', async () => {
    const errors: (Error | undefined)[] = [];
    const filter = shadow(decides, ({ would }) => void errors.push(would.error));
    expect(await deliver(MAIL, { to: filter })).toMatchObject({ outcome: 'delivered' });
    expect(messageOf(errors[0]?.cause ?? errors[0])).toContain('shadow(): the first argument is no filter');
  });
});

describe('something else where a filter is expected', () => {
  it.each([
    [() => compose(5 as never), 'compose(): argument 1 is 5, and no filter.'],
    [
      () => perMessage((() => undefined) as never),
      'perMessage(): what the function returned is undefined, and no',
    ],
    [
      () => perMessage(on('mail', () => undefined)({} as never) as never),
      'perMessage(): the first argument has',
    ],
    [() => deadline(5, 'x' as never, tempfail()), "deadline(): the second argument is 'x', and no filter."],
  ])('is refused at once (%#)', (make, words) => {
    expect(make).toThrow(words);
  });
});

describe('a server whose filter is none', () => {
  let server: MilterServer | undefined;
  afterEach(() => server?.close());

  it('serves no one where that can be seen at once', async () => {
    await expect(serve({} as never, { listen: 'inet:0@127.0.0.1' })).rejects.toThrow(
      'serve(): the first argument is {}, and no filter.',
    );
  });

  it.each([
    ['serve(): the first argument', decides],
    ['serve(): a value of the Observable of filters', of(decides)],
  ])('names %s at the first connection, and answers', async (which, filter) => {
    const errors: Error[] = [];
    server = await serve(filter, { listen: 'inet:0@127.0.0.1', onError: (error) => void errors.push(error) });
    expect(await deliver(MAIL, { to: server.address })).toMatchObject({
      outcome: 'deferred',
      failure: undefined,
    });
    expect(String(errors[0]?.cause)).toContain(`${which} is no filter`);
    expect(errors[0]?.message).not.toContain('You provided');
  });
});

describe('a plain function in pipe()', () => {
  it.each([
    ['before sink()', [decides], 'What stands before sink() in pipe() is no filter'],
    [
      'before a filter',
      [decides, onMessage(() => undefined)],
      'What stands before a filter in pipe() is no filter',
    ],
  ] as const)('%s costs its connection alone', async (_what, [first, second], words) => {
    const errors: string[] = [];
    const socket = await openSocket('inet:0@127.0.0.1');
    const server = listen(socket)
      .pipe(
        mergeMap((session) => {
          const piped = session.events.pipe(first);
          return sink(session)(second === undefined ? piped : second(piped));
        }),
      )
      .subscribe(({ error }) => {
        if (error?.cause instanceof Error) errors.push(error.cause.message);
      });
    for (let at = 0; at < 2; at++) {
      expect((await deliver(MAIL, { to: socket.address })).outcome).toBe('deferred');
    }
    expect(errors.filter((error) => error.includes(words)).length).toBeGreaterThanOrEqual(2);
    server.unsubscribe();
  });
});
