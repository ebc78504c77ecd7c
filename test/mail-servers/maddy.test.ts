import {
  addHeader,
  compose,
  discard,
  type Filter,
  insertHeader,
  on,
  onMessage,
  type Outcome,
  quarantine,
  reject,
  serve,
  type ServeOptions,
  UngrantedError,
} from 'rxmilter';
import { describe, expect, onTestFinished, test, vi } from 'vitest';

import filter from '../../examples/tagging.mjs';
import { deliverByMaddy } from './support/maddy-client.js';
import type { PlainDelivery, PlainMail } from './support/milter-frames.js';

const MESSAGE = 'Subject: Lunch?\r\nFrom: Alice <alice@src.example>\r\n\r\nAt noon?\r\n';

interface Served {
  readonly errors: Error[];
  readonly outcomes: Outcome[];
  send(mail?: Partial<PlainMail>): Promise<PlainDelivery>;
}

async function serving(served: Filter, options: Partial<ServeOptions> = {}): Promise<Served> {
  const errors: Error[] = [];
  const outcomes: Outcome[] = [];
  const server = await serve(served, {
    listen: 'inet:0@127.0.0.1',
    onError: (error) => void errors.push(error),
    ...options,
  });
  onTestFinished(() => server.destroy());
  server.outcomes.subscribe((outcome) => outcomes.push(outcome));
  return { errors, outcomes, send: (mail) => deliverByMaddy(server.address, { message: MESSAGE, ...mail }) };
}

function warnings(): string[] {
  const told: string[] = [];
  const spy = vi.spyOn(process, 'emitWarning').mockImplementation((text) => void told.push(String(text)));
  onTestFinished(() => spy.mockRestore());
  return told;
}

describe('behind maddy', () => {
  test('headers come in the order in which they were given, above all others', async () => {
    const told = warnings();
    const { send, errors } = await serving(
      on('eom', ({ session }) => [
        addHeader('X-Mta', session.mta),
        addHeader('X-B', 'folded\n\tline'),
        insertHeader(3, 'X-Placed', '3'),
        insertHeader(2, 'X-Placed', '2'),
        insertHeader('top', 'X-Top', '0'),
      ]),
    );
    expect((await send()).message).toBe(
      `X-Top: 0\r\nX-Placed: 2\r\nX-Placed: 3\r\nX-Mta: maddy\r\nX-B: folded\r\n\tline\r\n${MESSAGE}`,
    );
    expect(errors).toEqual([]);
    expect(told.join()).toContain(
      'The mail server is maddy, which differs: it puts a new header above all others.',
    );
  });

  test('what it makes something else of is said once', async () => {
    const told = warnings();
    const refusing = await serving(on('mail', () => reject('My own words')));
    expect((await refusing.send()).reply).toBe('550 5.7.1 Message rejected due to local policy');
    await refusing.send();
    const discarding = await serving(on('mail', () => discard()));
    expect((await discarding.send()).reply).toMatch(/^450 /);
    await discarding.send();
    expect(told.filter((text) => text.includes('words of its own'))).toHaveLength(1);
    expect(told.filter((text) => text.includes('no discarding'))).toHaveLength(1);
  });

  const wishes = compose(
    onMessage({ body: 'none' }, ({ headers }, { draft }) => {
      draft.headers.append('X-Seen', 'yes');
      draft.headers.set('Subject', `[external] ${headers.get('Subject') ?? ''}`);
    }),
  );

  test('a message whose change is not granted gets the failure decision, and that is told once', async () => {
    warnings();
    const { send, errors, outcomes } = await serving(wishes);
    expect((await send()).reply).toMatch(/^450 /);
    expect((await send()).reply).toMatch(/^450 /);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({
      name: 'UngrantedError',
      mta: 'maddy',
      granted: ['ADDHDRS', 'QUARANTINE'],
      wishes: [
        { wish: 'changeHeader', right: 'CHGHDRS', filter: expect.stringMatching(/^maddy\.test\.ts:/) },
      ],
    });
    expect(errors[0]?.message).toMatch(
      /^changeHeader needs the right CHGHDRS \(at maddy\.test\.ts:\d+:\d+\); the MTA \(maddy\) grants ADDHDRS, QUARANTINE\. .*ungranted: 'skip'/,
    );
    // Each message tells it in its outcome.
    expect(outcomes.filter(({ stage, error }) => stage === 'eom' && error !== undefined)).toHaveLength(2);
  });

  test("with ungranted: 'skip' it passes with the rest, and says so once", async () => {
    warnings();
    const { send, errors, outcomes } = await serving(wishes, { ungranted: 'skip' });
    for (let count = 0; count < 2; count++) {
      expect(await send()).toMatchObject({ result: 'delivered', message: `X-Seen: yes\r\n${MESSAGE}` });
    }
    expect(errors.map(({ message }) => message)).toEqual([
      expect.stringContaining('The message passes without that.'),
    ]);
    expect(outcomes.filter(({ stage }) => stage === 'eom')).toMatchObject(
      Array(2).fill({
        modifications: [{ kind: 'addHeader', name: 'X-Seen' }],
        skipped: [{ kind: 'changeHeader', name: 'Subject' }],
        error: { name: 'UngrantedError' },
      }),
    );
  });

  test("with ungranted: 'skip' the filter of the README defers nothing", async () => {
    warnings();
    const { send, errors, outcomes } = await serving(filter, { ungranted: 'skip' });
    // One after the other, and several at once: each has a connection of its own.
    await Promise.all([send(), send(), send({ user: 'alice' })]);
    expect(await send({ recipients: ['info@example.org'] })).toMatchObject({
      result: 'delivered',
      message: `X-Filter: rxmilter\r\n${MESSAGE}`,
    });
    expect((await send({ message: `X-Spam-Flag: YES\r\n${MESSAGE}` })).result).toBe('quarantined');
    expect((await send({ recipients: ['sales@example.org'] })).reply).toMatch(/^550 /);
    expect(outcomes.filter(({ decision }) => decision?.kind === 'tempfail')).toEqual([]);
    // The recipients were wanted by one message alone, and later: that is another right.
    expect(
      errors.map((error) => error instanceof UngrantedError && error.wishes.map(({ right }) => right)),
    ).toEqual([['CHGHDRS'], ['CHGHDRS', 'DELRCPT', 'ADDRCPT']]);
  });

  test.each(['refuse', 'defer', 'skip'] as const)(
    'rights that are asked for in vain are told once (%s)',
    async (ungranted) => {
      warnings();
      const { send, errors, outcomes } = await serving(wishes, { ungranted, rights: ['ADDHDRS', 'CHGHDRS'] });
      const replies = { refuse: /^451 /, defer: /^450 /, skip: /^250/ };
      await Promise.all([1, 2, 3].map(async () => expect((await send()).reply).toMatch(replies[ungranted])));
      expect(errors).toMatchObject([
        {
          name: 'UngrantedError',
          wishes: [{ wish: 'the option rights', right: 'CHGHDRS', filter: undefined }],
        },
      ]);
      // Each connection that is refused has it in its outcomes, and otherwise each message.
      const where =
        ungranted === 'refuse' ? ['negotiate', 'negotiate', 'negotiate'] : ['negotiate', 'eom', 'eom', 'eom'];
      expect(outcomes.flatMap(({ stage, error }) => (error === undefined ? [] : [stage])).sort()).toEqual(
        where.sort(),
      );
    },
  );

  test('a filter that cannot do without a right refuses it at negotiation', async () => {
    const { send, errors } = await serving(wishes, { requireRights: ['CHGHDRS'] });
    // With our own words: one who looks at its replies only by their class defers the message.
    for (let count = 0; count < 3; count++) expect((await send()).reply).toMatch(/^451 /);
    expect(errors).toMatchObject([
      { name: 'UngrantedError', wishes: [{ right: 'CHGHDRS', filter: undefined }] },
    ]);
  });

  test('what is granted works: quarantine', async () => {
    const { send, errors } = await serving(on('eom', () => quarantine('spam')));
    expect((await send()).result).toBe('quarantined');
    expect(errors).toEqual([]);
  });
});
