import { take } from 'rxjs';
import {
  accept,
  addHeader,
  compose,
  deadline,
  observe,
  on,
  onMessage,
  quarantine,
  replaceBody,
  serve,
  skip,
  type Filter,
  type Outcome,
  type ServeOptions,
} from 'rxmilter';
import { MtaConnection } from 'rxmilter/mta';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { standardError } from '../support/standard-error.js';

const LISTEN = 'inet:0@127.0.0.1';
const OBEYED = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;

async function connected(
  filter: Filter,
  options: Partial<ServeOptions> = {},
  actions = 0x1ff,
): Promise<MtaConnection> {
  const server = await serve(filter, { listen: LISTEN, ...options });
  onTestFinished(() => server.destroy());
  const connection = await MtaConnection.open(server.address, { offer: { actions } });
  onTestFinished(() => connection.destroy());
  return connection;
}

const boom = (): never => {
  throw new Error('boom');
};

/** The values are written as they are: a peer may send anything but NUL. */
async function mailBy(
  connection: MtaConnection,
  value: string,
  macros: Record<string, string> = {},
): Promise<void> {
  await connection.ask(
    { type: 'connect', host: `h${value}`, family: 'unix', port: 0, address: `/c${value}` },
    {},
  );
  await connection.ask({ type: 'helo', text: value });
  await connection.ask({ type: 'mail', address: `<s${value}@example.com>`, args: [] }, macros);
  await connection.ask({ type: 'rcpt', address: `<r${value}@example.org>`, args: [] });
}

describe('the line that is written of an error where there is no onError', () => {
  it('names stage, client, sender and recipient before there is a queue id, and the place', async () => {
    const written = standardError();
    await mailBy(await connected(on('rcpt', boom)), '');
    expect(written).toEqual([
      expect.stringMatching(
        /^rxmilter: session \w+, client \/c, from <s@example\.com>, to <r@example\.org>: The filter failed at stage rcpt: boom \(at complaint\.test\.ts:\d+:\d+\)\n$/,
      ),
    ]);
  });

  it('names the queue id once there is one', async () => {
    const written = standardError();
    await mailBy(await connected(on('mail', boom)), '', { i: '4ABCDE' });
    expect(written.join('')).toMatch(
      /^rxmilter: session \w+, client \/c, queue id 4ABCDE: The filter failed at stage mail: boom/,
    );
  });

  it('names the recipient of this message and not of the one before', async () => {
    const written = standardError();
    const connection = await connected(
      compose(
        observe(['mail', 'rcpt'], () => undefined),
        on('data', boom),
      ),
    );
    await mailBy(connection, '1');
    await connection.abort();
    await connection.ask({ type: 'mail', address: '<other@example.com>', args: [] });
    await connection.ask({ type: 'data' });
    expect(written.join('')).toMatch(/client \/c1, from <other@example\.com>: The filter failed/);
  });

  it.each([
    '\u001b[31mx',
    '\u009b2J',
    '\u007f',
    '\r\nrxmilter: session 1',
    '\u202eabc',
    '\u2028',
    `${' '.repeat(30_000)}x`,
  ])('is one line, and only text, whatever the client says: %#', async (value) => {
    const written = standardError();
    const filter = on('rcpt', ({ address }) => {
      throw new Error(`no ${address}: ${value}`);
    });
    await mailBy(await connected(filter), value, {});
    await mailBy(await connected(filter), value, { i: value });
    expect(written).toHaveLength(2);
    for (const line of written) {
      expect(line.endsWith('\n')).toBe(true);
      expect(line.slice(0, -1)).not.toMatch(OBEYED);
      expect(line).toMatch(/\(at complaint\.test\.ts:\d+:\d+\)\n$/);
      expect(line.length).toBeLessThan(3_000);
    }
  });

  it('costs nothing where standard error cannot be written to', async () => {
    const spy = vi.spyOn(process.stderr, 'write').mockImplementation(() => {
      throw new Error('closed');
    });
    onTestFinished(() => spy.mockRestore());
    const connection = await connected(on('rcpt', boom));
    await mailBy(connection, '');
    const answer = await connection.ask({ type: 'rcpt', address: '<again@example.org>', args: [] });
    expect(answer.verdict.kind).toBe('refuse');
  });
});

describe('an answer that may not be given', () => {
  // The line of each is that of the operator's call, or of the answer where that was made by a call that throws.
  const illegal: readonly [what: string, filter: Filter, place: RegExp][] = [
    [
      'a decision at the wrong stage',
      on('rcpt', () => skip() as never),
      /^skip\(\) is not legal at stage rcpt/,
    ],
    [
      'one that comes later',
      on('rcpt', async () => Promise.resolve(skip() as never)),
      /^skip\(\) is not legal/,
    ],
    [
      'one of a generator',
      on('rcpt', function* () {
        yield skip() as never;
      }),
      /^skip\(\) is not legal/,
    ],
    ['what is none at all', on('rcpt', () => 'reject' as never), /^"reject" is not an answer/],
    [
      'a reply that was written by hand',
      on('rcpt', () => ({ kind: 'reject', reply: { code: 200, lines: ['x'] } }) as never),
      /^reject\(\): the code 200/,
    ],
    [
      'a change at the wrong stage',
      on('rcpt', () => addHeader('A', 'b') as never),
      /^addHeader\(\) is not legal/,
    ],
    [
      'what a deadline has for the late',
      deadline(
        1,
        on('rcpt', () => new Promise<undefined>(() => undefined)),
        (() => 7) as never,
      ),
      /^7 is not an answer/,
    ],
    [
      'a change that was written by hand',
      on('eom', () => ({ kind: 'addHeader', name: 'A B', value: 'x' })),
      /^addHeader: "A B" is not a header name/,
    ],
    [
      'a change that throws when it is made',
      on('eom', () => addHeader('A B', 'x')),
      /^addHeader: "A B" is not a header name/,
    ],
    ['a change without the right', on('eom', () => quarantine('x')), /right|SMFIF/],
    ['a body in pieces of nonsense', on('eom', () => replaceBody([7] as never)), /replaceBody/],
    ['one for a whole message', onMessage(() => skip() as never), /^skip\(\) is not legal at stage eom/],
    [
      'one for a message as it arrives',
      onMessage({ body: 'stream' }, () => skip() as never),
      /^skip\(\) is not legal/,
    ],
  ];

  it.each(illegal)('names the line of the filter: %s', async (what, filter, words) => {
    const outcomes: Outcome[] = [];
    const actions = what.includes('right') ? 0x0f : 0x1ff;
    const connection = await connected(
      filter,
      { onError: (_, outcome) => void outcomes.push(outcome) },
      actions,
    );
    await mailBy(connection, '');
    if (outcomes.length === 0) {
      await connection.ask({ type: 'eoh' });
      await connection.ask({ type: 'eom', data: Buffer.alloc(0) });
    }
    const [error] = outcomes.map((outcome) => outcome.error);
    expect(error).toMatchObject({
      name: actions === 0x0f ? 'UngrantedError' : 'AnswerError',
      place: expect.stringMatching(/^complaint\.test\.ts:\d+:\d+$/) as string,
    });
    expect(error?.message).toMatch(words);
    expect(error?.message).toMatch(/ \(at complaint\.test\.ts:\d+:\d+\)(?:$|; the MTA grants)/);
  });

  it('says the place once in the line that is written', async () => {
    const written = standardError();
    await mailBy(await connected(on('rcpt', () => skip() as never)), '');
    expect(written.join('').match(/\(at /g)).toHaveLength(1);
  });

  it('does not name a filter that gave something else', async () => {
    const errors: Error[] = [];
    const [, here = ''] = new Error().stack?.split('\n') ?? [];
    const wrong = on('eom', () => ({ kind: 'addHeader', name: 'A B', value: 'x' }));
    const line = Number(/:(\d+):\d+\)?$/.exec(here)?.[1]) + 1;
    const right = on('eom', () => [addHeader('A', 'x'), accept()]);
    const connection = await connected(compose(wrong, right), {
      onError: (error) => void errors.push(error),
    });
    await mailBy(connection, '');
    await connection.ask({ type: 'eoh' });
    await connection.ask({ type: 'eom', data: Buffer.alloc(0) });
    expect(errors).toMatchObject([
      { place: expect.stringContaining(`complaint.test.ts:${line}:`) as string },
    ]);
  });
});

describe('an event that is not answered in its time', () => {
  const never = (): Promise<undefined> => new Promise(() => undefined);

  it.each([
    ['rcpt', { reply: 20, eom: 5_000 }, 20, 'timeouts.reply'],
    ['eom', { reply: 5_000, eom: 30 }, 30, 'timeouts.eom'],
  ] as const)(
    'says at %s how long was waited, and which limit that was',
    async (stage, timeouts, waited, limit) => {
      const errors: Error[] = [];
      const connection = await connected(on(stage, never), {
        timeouts,
        onError: (error) => void errors.push(error),
      });
      await mailBy(connection, '');
      if (stage === 'eom') await connection.ask({ type: 'eom', data: Buffer.alloc(0) });
      expect(errors).toMatchObject([{ name: 'UnansweredError', stage, waited, limit }]);
      expect(errors[0]?.message).toContain(`after ${waited} ms (${limit})`);
    },
  );

  it('says so of a server that was stopped', async () => {
    const errors: Error[] = [];
    const server = await serve(on('rcpt', never), {
      listen: LISTEN,
      drainTimeout: 25,
      onError: (error) => void errors.push(error),
    });
    const connection = await MtaConnection.open(server.address);
    const asked = mailBy(connection, '').catch(() => undefined);
    await vi.waitFor(async () => {
      expect(await new Promise((resolve) => setTimeout(resolve, 20, true))).toBe(true);
    });
    await server.close();
    await asked;
    connection.destroy();
    expect(errors).toMatchObject([{ name: 'UnansweredError', waited: 25, limit: 'drainTimeout' }]);
    expect(errors[0]?.message).toContain('25 ms later (drainTimeout)');
  });

  it('has no limit where the pipeline ended', async () => {
    const errors: Error[] = [];
    const connection = await connected(((source) => source.pipe(take(1))) as Filter, {
      onError: (error) => void errors.push(error),
    });
    await connection.ask({ type: 'helo', text: 'x' }).catch(() => undefined);
    await connection.ask({ type: 'mail', address: '<a@b>', args: [] }).catch(() => undefined);
    expect(errors[0]).toMatchObject({ name: 'UnansweredError', waited: undefined, limit: undefined });
  });
});
