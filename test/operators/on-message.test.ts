import { NEVER, map, of, throwError, timer } from 'rxjs';
import {
  edit,
  type MessageOptions,
  type Message,
  compose,
  observe,
  onMessage,
  on,
  perConnection,
  perMessage,
  requireRights,
  when,
  accept,
  discard,
  allow,
  reject,
  skip,
  tempfail,
  addHeader,
  quarantine,
  type Outcome,
} from 'rxmilter';
import { session, simulate } from 'rxmilter/testing';
import { describe, expect, it, vi } from 'vitest';

import { inTurn } from '../message/support/in-turn.js';
import { abort, body, close, connect, decided, eoh, eom, header, mail, rcpt } from '../support/events.js';
import { marbles } from '../support/marbles.js';
import { run, settle } from './support/drawn.js';
import { give, mailOf, valuesIn } from './support/mails.js';
import { expectQuiet } from './support/quiet.js';
import { Wire } from './support/wire.js';

const m = mail();
const r = rcpt();
const s = rcpt('second@example.org');
const h = header();
const g = header('X-Spam', 'yes');
const o = eoh();
const b = body();
const e = eom();
const x = abort();
const q = close();
const c = connect();
const no = reject('no');
const GONE = { code: 550, enhanced: '5.1.1', lines: ['No'] } as const;
const spam = (message: Message): ReturnType<typeof reject> | undefined =>
  message.headers.has('X-Spam') ? no : undefined;

describe('onMessage, drawn,', () => {
  expectQuiet();

  it(
    'decides at the end of a message, and lets all else pass as it came',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -c-m-r-h-g-o-b-e-m-r-h-e-q-|', { c, m, r, h, g, o, b, e, q });
      const subs = '        ^--------------------------!';
      const expected = '    -c-m-r-h-g-o-b-E-m-r-h-e-q-|';
      expectObservable(source.pipe(onMessage(spam))).toBe(expected, {
        ...{ c, m, r, h, g, o, b, e, q },
        E: decided(e, no),
      });
      expectSubscriptions(source.subscriptions).toBe(subs);
    }),
  );

  it(
    'waits for an answer that comes later, and cancels what makes it when the message is aborted',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('  -m-r-e----m-r-e-x-m-|', { m, r, e, x });
      const later = cold('       ---n             ', { n: no });
      const expected = '    -m-r----E-m-r---x-m-|';
      expectObservable(source.pipe(onMessage(() => later))).toBe(expected, {
        ...{ m, r, x },
        E: decided(e, no),
      });
      expectSubscriptions(later.subscriptions).toBe(['-----^--!', '--------------^-!']);
    }),
  );

  it(
    'completes when what runs is through, errors at once, and unsubscribes from all',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const completing = hot('-m-e-|    ', { m, e });
      const erring = hot('    -m-e-#    ', { m, e });
      const endless = hot('   -m-e------', { m, e });
      const later = cold('       ----n  ', { n: no });
      const filter = onMessage(() => later);
      const E = decided(e, no);
      expectObservable(completing.pipe(filter)).toBe('  -m-----(E|)', { m, E });
      expectObservable(erring.pipe(filter)).toBe('      -m---#', { m });
      expectObservable(endless.pipe(filter), '^---!').toBe('-m--', { m });
      expectSubscriptions(later.subscriptions).toBe(['---^---!', '---^-!', '---^!']);
      expectSubscriptions(endless.subscriptions).toBe('^---!');
    }),
  );

  it(
    'is not asked where an earlier filter has decided the end',
    marbles(({ hot, expectObservable }) => {
      const source = hot('-m-e-|', { m, e });
      const project = vi.fn();
      const filter = compose(
        on('eom', () => accept()),
        onMessage(project),
        onMessage({ body: 'stream' }, project),
      );
      expectObservable(source.pipe(filter)).toBe('-m-E-|', { m, E: decided(e, accept()) });
    }),
  );

  it.each(['buffer', 'stream', 'none'] as const)(
    'with the body %s is the same filter again for every subscriber',
    async (mode) => {
      const filter = onMessage({ body: mode }, ({ recipients }) => addHeader('X-To', `${recipients.length}`));
      const [one, other] = [run(filter), run(filter)];
      for (const event of [m, r, h, o, b]) one.source.next(event);
      for (const event of [m, r, s, h, o, b, e]) other.source.next(event);
      one.source.next(e);
      await settle();
      expect(one.out.at(-1)).toEqual({ ...e, modifications: [addHeader('X-To', '1')] });
      expect(other.out.at(-1)).toEqual({ ...e, modifications: [addHeader('X-To', '2')] });
    },
  );

  it('leaves out recipients that an earlier filter has refused, where no connection says so', () => {
    const seen: string[][] = [];
    const filter = compose(
      on('rcpt', ({ address }) => (address.startsWith('second') ? no : undefined)),
      onMessage(({ recipients }) => void seen.push(recipients.map(({ address }) => address))),
    );
    const { source } = run(filter);
    for (const event of [m, r, s, e]) source.next(event);
    expect(seen).toEqual([['rcpt@example.org']]);
  });

  it('begins a message anew at each MAIL', () => {
    const seen: string[] = [];
    const { source } = run(
      onMessage(({ sender, recipients, headers }) => {
        seen.push(`${sender.address} ${recipients.length} ${headers.length}`);
      }),
    );
    for (const event of [m, r, s, h, g, mail('b@b.test'), r, h, e, mail('c@c.test'), e]) source.next(event);
    expect(seen).toEqual(['b@b.test 1 1', 'c@c.test 0 0']);
  });
});

describe('the options of onMessage', () => {
  it.each([
    [{ body: 'all' }, "onMessage(): body is 'all'; it has to be one of 'buffer', 'stream', 'none'."],
    [{ bodies: 'none' }, 'onMessage(): there is no option bodies. There are beyond, body,'],
    [{ maxBytes: -1 }, 'onMessage(): maxBytes is -1; it has to be Infinity or a whole number from 0 on.'],
    [{ maxBytes: 1.5 }, 'onMessage(): maxBytes is 1.5; it has to be'],
    [{ maxBytes: '10' }, "onMessage(): maxBytes is '10'; it has to be"],
    [{ maxBytes: NaN }, 'onMessage(): maxBytes is NaN; it has to be'],
    [{ body: 'stream', maxBytes: 1 }, "onMessage(): maxBytes is of no use with body: 'stream'"],
    [{ body: 'none', maxBytes: 1 }, "onMessage(): maxBytes is of no use with body: 'none'"],
    [
      { limits: { header: 1 } },
      'onMessage(): there is no option limits.header. Did you mean limits.headers?',
    ],
    [{ limits: { headers: -1 } }, 'onMessage(): limits.headers is -1; it has to be'],
    [{ limits: { memory: '1k' } }, "onMessage(): limits.memory is '1k'; it has to be"],
    [{ limits: null }, 'onMessage(): limits is null; it has to be an object.'],
    [
      { beyond: 'cut' },
      "onMessage(): beyond is 'cut'; it has to be 'truncate' or a decision: what tempfail(), reject(), accept(), allow() or discard() make.",
    ],
    [{ beyond: skip() }, 'skip'],
    [{ beyond: addHeader('A', 'b') }, 'addHeader'],
    [{ directory: 1 }, 'onMessage(): directory is 1; it has to be the name of a directory.'],
    [null, 'onMessage(): the options are null; they have to be an object.'],
  ])('%o are refused with words that name what is wrong', (options, words) => {
    expect(() => onMessage(options as never, () => undefined)).toThrow(words);
  });

  it('need a project behind them', () => {
    expect(() => onMessage({ body: 'none' } as never)).toThrow(
      'onMessage(): the last argument has to be a function.',
    );
    expect(() => onMessage(undefined as never)).toThrow(
      'onMessage(): the last argument has to be a function.',
    );
  });

  it('may say undefined of anything', async () => {
    const nothing = { body: undefined, maxBytes: undefined, beyond: undefined };
    const options: MessageOptions<'buffer'> = {
      ...nothing,
      directory: undefined,
      limits: { memory: undefined, headers: undefined },
    };
    const filter = onMessage(options, async ({ body: whole }) =>
      addHeader('X-Size', `${whole.size} ${(await whole.bytes()).length}`),
    );
    expect(valuesIn(await give(filter), 'X-Size')).toEqual(['7 7']);
  });
});

describe('a message', () => {
  expectQuiet();

  it('has all that the MTA tells of it', async () => {
    let seen: unknown;
    const filter = onMessage((message) => {
      const { client, helo, queueId, auth, tls, sender, recipients, headers, macros } = message;
      seen = {
        client,
        helo,
        queueId,
        auth,
        tls,
        sender: { ...sender, raw: Buffer.from(sender.raw).toString() },
        recipients: recipients.map(({ address, local, domain, mailbox, args, params }) => ({
          ...{ address, local, domain, mailbox, args, params },
        })),
        headers: [...headers].map(({ name, value, raw }) => [name, value, Buffer.from(raw).toString()]),
        daemon: macros.get('daemon_name'),
        truncated: message.truncated,
        modifications: message.modifications,
      };
    });
    await give(
      filter,
      {
        client: { host: 'mx.example.net', address: '198.51.100.7', port: 12_345 },
        helo: 'helo.example.net',
        auth: { user: 'alice', type: 'PLAIN', author: 'bob' },
        tls: { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', bits: 256 },
        sender: { address: 'Alice@BÜCHER.example', args: ['SIZE=100', 'SMTPUTF8'] },
        recipients: [
          { address: '"a b@c"@Example.ORG', args: ['NOTIFY=NEVER'] },
          'postmaster',
          { address: 'gone@example.org', refused: GONE },
        ],
        headers: [
          ['Subject', 'one\r\n two'],
          ['subject', 'again'],
          ['X-Empty', ''],
        ],
      },
      { hostname: 'mta.example.org' },
    );
    expect(seen).toEqual({
      client: { host: 'mx.example.net', family: 'inet', address: '198.51.100.7', port: 12_345 },
      helo: 'helo.example.net',
      queueId: expect.stringMatching(/./) as unknown,
      auth: { user: 'alice', mechanism: 'PLAIN', author: 'bob' },
      tls: {
        version: 'TLSv1.3',
        cipher: 'TLS_AES_256_GCM_SHA384',
        bits: 256,
        verify: undefined,
        subject: undefined,
        issuer: undefined,
        sni: undefined,
      },
      sender: {
        address: 'Alice@BÜCHER.example',
        local: 'Alice',
        domain: 'xn--bcher-kva.example',
        mailbox: 'alice@xn--bcher-kva.example',
        args: ['SIZE=100', 'SMTPUTF8'],
        params: { SIZE: '100', SMTPUTF8: '' },
        raw: '<Alice@BÜCHER.example>',
      },
      recipients: [
        {
          ...{ address: '"a b@c"@Example.ORG', local: '"a b@c"', domain: 'example.org' },
          mailbox: '"a b@c"@example.org',
          ...{ args: ['NOTIFY=NEVER'], params: { NOTIFY: 'NEVER' } },
        },
        {
          ...{ address: 'postmaster', local: 'postmaster', domain: '', mailbox: 'postmaster' },
          ...{ args: [], params: {} },
        },
      ],
      headers: [
        ['Subject', 'one\n two', 'one\n two'],
        ['subject', 'again', 'again'],
        ['X-Empty', '', ''],
      ],
      daemon: 'mta.example.org',
      truncated: { recipients: false, headers: false, body: false },
      modifications: [],
    });
  });

  it('has no login and no TLS without either, and the null sender where that is the sender', async () => {
    const seen: unknown[] = [];
    const filter = onMessage(({ auth, tls, sender }) => void seen.push([auth, tls, sender.address]));
    await give(filter, { sender: '' });
    expect(seen).toEqual([[undefined, undefined, '']]);
  });

  it('is told once each, with what is its own, however many come by one connection', async () => {
    const seen: string[] = [];
    const mta = await simulate(
      onMessage(async ({ sender, recipients, headers, body: whole }) => {
        seen.push([sender.address, recipients.length, headers.get('N'), await whole.text()].join(' '));
      }),
    );
    await mta.send(mailOf({ sender: 'a@a.test', headers: [['N', '1']], body: 'one' }));
    await mta.send(mailOf({ sender: 'b@b.test', reset: 'rcpt' }));
    await mta.send(mailOf({ sender: 'c@c.test', headers: [['N', '2']], body: '' }));
    await mta.close();
    expect(seen).toEqual(['a@a.test 1 1 one\r\n', 'c@c.test 1 2 ']);
  });

  it('has the recipients that no filter has refused, before it or after it', async () => {
    const seen: string[] = [];
    const refusing = (
      word: string,
      how: ReturnType<typeof reject | typeof tempfail>,
    ): ReturnType<typeof on> => on('rcpt', ({ address }) => (address.startsWith(word) ? how : undefined));
    const noteTo = ({ recipients }: { recipients: Message['recipients'] }): void =>
      void seen.push(recipients.map(({ address }) => address).join(' '));
    await give(
      compose(
        refusing('early', reject()),
        refusing('busy', tempfail()),
        onMessage(noteTo),
        on('rcpt', async ({ address }) => {
          await settle();
          return address.startsWith('late') ? reject() : undefined;
        }),
        onMessage({ body: 'none' }, noteTo),
        onMessage({ body: 'stream' }, noteTo),
      ),
      { recipients: ['early@a.test', 'b@a.test', 'late@a.test', 'busy@a.test', 'c@a.test'] },
    );
    expect(seen).toEqual(['b@a.test c@a.test', 'b@a.test c@a.test', 'b@a.test c@a.test']);
  });

  it('does not have those that the MTA has refused, whether they are shown or not', async () => {
    for (const rejectedRecipients of [true, false]) {
      const seen: string[] = [];
      await give(
        onMessage(({ recipients }) => void seen.push(...recipients.map(({ address }) => address))),
        {
          recipients: [{ address: 'no@a.test', refused: GONE }, 'b@a.test'],
        },
        { session: { rejectedRecipients } },
      );
      expect(seen).toEqual(['b@a.test']);
    }
  });

  it.each([true, false])('shows values without the blank, with leadingSpace %s', async (leadingSpace) => {
    const seen: unknown[] = [];
    await give(
      onMessage(({ headers }) => {
        seen.push(headers.get('A'), Buffer.from(headers.field('A')?.raw ?? []).toString());
      }),
      { headers: [['A', 'b']] },
      { session: { leadingSpace } },
    );
    expect(seen).toEqual(['b', leadingSpace ? ' b' : 'b']);
  });

  it('has bytes that are no UTF-8 in its header as they came', async () => {
    let raw: Uint8Array | undefined;
    await give(
      onMessage(({ headers }) => void (raw = headers.field('X')?.raw)),
      { headers: [['X', Buffer.from([0xe4, 0x20, 0xff])]] },
    );
    expect(Buffer.from(raw ?? [])).toEqual(Buffer.from([0xe4, 0x20, 0xff]));
  });
});

describe('the body of a message', () => {
  expectQuiet();

  it('is there in every way of reading, as often as one likes, and as one source with the header', async () => {
    let seen: unknown;
    const text = 'Zeile eins\r\nLäng\r\n';
    const filter = onMessage(async ({ body: whole, source }) => {
      const pieces: Uint8Array[] = [];
      for await (const piece of whole) pieces.push(piece);
      const chunks: Uint8Array[] = [];
      await whole.chunks.forEach((piece) => chunks.push(piece));
      const mapped: number[] = [];
      await inTurn(whole, (piece) => timer(1).pipe(map(() => piece.length))).forEach((n) => mapped.push(n));
      seen = {
        bytes: String(await whole.bytes()),
        text: await whole.text(),
        latin: await whole.text('iso-8859-1'),
        pieces: String(Buffer.concat(pieces)),
        chunks: String(Buffer.concat(chunks)),
        mapped: mapped.reduce((sum, n) => sum + n, 0),
        readable: String(Buffer.concat(await whole.readable().toArray())),
        source: String(Buffer.concat(await source().toArray())),
        ...{ size: whole.size, complete: whole.complete },
      };
    });
    await give(filter, {
      headers: [
        ['A', 'one\r\n two'],
        ['B', ''],
      ],
      body: text,
    });
    const size = Buffer.byteLength(text);
    expect(seen).toEqual({
      ...{ bytes: text, text, latin: 'Zeile eins\r\nLÃ¤ng\r\n', pieces: text, chunks: text, readable: text },
      ...{ mapped: size, size, complete: true },
      source: `A: one\r\n two\r\nB: \r\n\r\n${text}`,
    });
  });

  it('is nothing where none is wanted', async () => {
    const seen: unknown[] = [];
    await give(onMessage({ body: 'none' }, (message) => void seen.push(message.body, message.source)));
    expect(seen).toEqual([undefined, undefined]);
  });

  it('is empty where the message has no body', async () => {
    const seen: unknown[] = [];
    await give(
      onMessage(async ({ body: whole }) => {
        seen.push(whole.size, whole.complete, (await whole.bytes()).length);
      }),
      { body: '' },
    );
    expect(seen).toEqual([0, true, 0]);
  });

  it('cannot be read when the message is over, and says so', async () => {
    let kept: Message['body'] | undefined;
    await give(onMessage(({ body: whole }) => void (kept = whole)));
    await expect(kept?.bytes()).rejects.toThrow('The message is over');
    await expect(kept?.readable().toArray()).rejects.toThrow('The message is over');
  });
});

describe('the end of a stream of events', () => {
  expectQuiet();

  it('leaves the body of a message to the project that still reads it', async () => {
    const read: string[] = [];
    const running = run(
      onMessage(async ({ body: whole }) => {
        await settle();
        read.push(await whole.text());
      }),
    );
    for (const event of [m, r, o, b, e]) running.source.next(event);
    running.source.complete();
    expect(running.completed).toBe(false);
    await vi.waitFor(() => expect(running.completed).toBe(true));
    expect(read).toEqual([Buffer.from(b.chunk).toString()]);
    expect(running.out.at(-1)).toBe(e);
  });
});

describe('limits of a message', () => {
  expectQuiet();

  // A name of 1 and a value of 4 bytes.
  const fields = (count: number): [string, string][] => Array.from({ length: count }, () => ['A', '1234']);

  it.each([
    ['headers', { headers: 3 }, { headers: fields(3) }, { headers: fields(4) }],
    ['headerBytes', { headerBytes: 15 }, { headers: fields(3) }, { headers: [...fields(3), ['B', '']] }],
    ['bodyBytes', { bodyBytes: 6 }, { body: '1234' }, { body: '12345' }],
    ['recipients', { recipients: 2 }, { recipients: ['a@b', 'c@d'] }, { recipients: ['a@b', 'c@d', 'e@f'] }],
  ] as const)('%s: what is exactly at it passes, and one more is beyond', async (name, limits, at, above) => {
    const project = vi.fn(() => accept());
    const truncated: unknown[] = [];
    const filter = onMessage({ limits }, project);
    expect(await give(filter, at as object)).toMatchObject({ outcome: 'delivered' });
    expect(project).toHaveBeenCalledTimes(1);
    expect(await give(filter, above as object)).toMatchObject({
      outcome: 'refused',
      reply: { code: 552, enhanced: '5.3.4' },
    });
    expect(project).toHaveBeenCalledTimes(1);

    const cutting = onMessage({ limits, beyond: 'truncate' }, (message) => {
      const { truncated: cut, recipients, headers, body } = message;
      truncated.push([cut, recipients.length, headers.length, body.size, body.complete]);
    });
    await give(cutting, at);
    await give(cutting, above);
    const none = { recipients: false, headers: false, body: false };
    const part = name === 'bodyBytes' ? 'body' : name === 'recipients' ? 'recipients' : 'headers';
    const counts = { recipients: [2, 1, 7], headers: [1, 3, 7], body: [1, 1, 6] }[part];
    expect(truncated).toEqual([
      [none, ...counts, true],
      [{ ...none, [part]: true }, ...counts, part !== 'body'],
    ]);
  });

  it('count no recipient that a filter has refused', async () => {
    const seen: number[] = [];
    const filter = compose(
      on('rcpt', ({ address }) => (address.startsWith('no') ? reject() : undefined)),
      onMessage({ limits: { recipients: 2 } }, ({ recipients }) => void seen.push(recipients.length)),
    );
    const recipients = ['no1@b', 'a@b', 'no2@b', 'no3@b', 'c@d', 'no4@b'];
    expect(await give(filter, { recipients })).toMatchObject({ outcome: 'delivered' });
    expect(await give(filter, { recipients: [...recipients, 'e@f'] })).toMatchObject({ outcome: 'refused' });
    expect(seen).toEqual([2]);
  });

  it.each([
    ['reject', reject('Too much'), 'refused'],
    ['tempfail', tempfail('Too much'), 'deferred'],
    ['discard', discard(), 'discarded'],
    ['accept', accept(), 'delivered'],
    ['allow', allow(), 'delivered'],
  ] as const)('give the message the decision of beyond: %s', async (_name, beyond, outcome) => {
    for (const limits of [{ headers: 0 }, { bodyBytes: 0 }, { recipients: 0 }]) {
      for (const mode of ['buffer', 'stream'] as const) {
        const project = vi.fn();
        const outcomes: Outcome[] = [];
        const filter = onMessage({ limits, beyond, body: mode }, project);
        const delivery = await give(filter, {}, { outcome: (one) => outcomes.push(one) });
        expect(delivery.outcome).toBe(outcome);
        expect(project).toHaveBeenCalledTimes(mode === 'stream' && 'bodyBytes' in limits ? 1 : 0);
        expect(outcomes.flatMap(({ error }) => (error === undefined ? [] : [error]))).toEqual([]);
      }
    }
  });

  it('cut a stream where they are, and say so when it is through', async () => {
    const seen: unknown[] = [];
    const filter = onMessage(
      { body: 'stream', limits: { bodyBytes: 3, headers: 1 }, beyond: 'truncate' },
      async (message) => {
        const pieces = await message.body.readable().toArray();
        seen.push(String(Buffer.concat(pieces)), message.truncated, message.headers.length);
      },
    );
    await give(filter, { headers: fields(2), body: '12345' });
    expect(seen).toEqual(['123', { recipients: false, headers: true, body: true }, 1]);
  });

  it('leave a prefix alone that is smaller', async () => {
    const filter = onMessage({ maxBytes: 3, limits: { bodyBytes: 4 } }, async ({ body: whole, truncated }) =>
      addHeader('X-Seen', `${await whole.text()} ${whole.complete} ${truncated.body}`),
    );
    expect(valuesIn(await give(filter, { body: '12345' }), 'X-Seen')).toEqual(['123 false false']);
  });

  it.each([
    [0, '', '', true],
    [0, '1', '', false],
    [4, '12', '12\r\n', true],
    [3, '12', '12\r', false],
  ])('maxBytes %i of the body %o is %o, complete: %s', async (maxBytes, content, text, complete) => {
    const seen: unknown[] = [];
    const filter = onMessage({ maxBytes }, async ({ body: whole, truncated }) => {
      seen.push(await whole.text(), whole.complete, truncated.body);
    });
    await give(filter, { body: content });
    expect(seen).toEqual([text, complete, false]);
  });

  it('is not complete where another filter has the MTA leave out the rest', async () => {
    const seen: unknown[] = [];
    const filter = compose(
      on('body', () => skip()),
      onMessage(({ body: whole }) => void seen.push(whole.size, whole.complete)),
    );
    await give(filter, { body: Buffer.alloc(70_000, 'x') });
    expect(seen).toEqual([65_535, false]);
  });
});

describe('onMessage in a pipeline', () => {
  expectQuiet();

  it('answers with whatever on() may answer with', async () => {
    const add = addHeader('X-A', '1');
    const projects: [() => unknown, string, string[]][] = [
      [() => undefined, 'delivered', []],
      [() => false, 'delivered', []],
      [() => add, 'delivered', ['1']],
      [() => [add, quarantine('look')], 'quarantined', ['1']],
      [async () => Promise.resolve([add, accept()]), 'delivered', ['1']],
      [() => of(add, reject()), 'refused', []],
      [() => timer(1).pipe(map(() => discard())), 'discarded', []],
      [
        function* () {
          yield add;
          return tempfail();
        },
        'deferred',
        [],
      ],
      [
        async function* () {
          await settle();
          yield [add];
          return accept();
        },
        'delivered',
        ['1'],
      ],
    ];
    for (const body of ['buffer', 'stream', 'none'] as const) {
      for (const [project, outcome, values] of projects) {
        const delivery = await give(onMessage({ body }, project as never));
        expect([body, delivery.outcome]).toEqual([body, outcome]);
        if (outcome === 'delivered') expect(valuesIn(delivery, 'X-A')).toEqual(values);
      }
    }
  });

  it.each(['buffer', 'stream', 'none'] as const)(
    'works wherever a filter may stand, with the body %s',
    async (body) => {
      const filter = onMessage({ body }, async ({ headers }) => {
        await settle();
        return addHeader('X-Seen', `${headers.get('Subject')}`);
      });
      const places = [
        perMessage(() => filter),
        perConnection(() => filter),
        when(() => true, filter),
        when(
          () => false,
          on('rcpt', () => reject()),
          filter,
        ),
        requireRights(['ADDHDRS'], filter),
        compose(compose(filter)),
        perConnection(() =>
          when(
            () => true,
            perMessage(() => compose(filter)),
          ),
        ),
      ];
      for (const place of places) {
        const mta = await simulate(place);
        for (const subject of ['one', 'two']) {
          await mta.send(mailOf({ reset: 'rcpt' }));
          const delivery = await mta.send(mailOf({ headers: [['Subject', subject]] }));
          expect(valuesIn(delivery, 'X-Seen')).toEqual([subject]);
        }
        await mta.close();
      }
    },
  );

  it('asks no project for a message that goes another way', async () => {
    const project = vi.fn();
    const filter = when(() => false, onMessage({ body: 'stream' }, project));
    const { outcome, rounds } = await give(filter, { body: Buffer.alloc(200_000, 'x') });
    expect([outcome, project.mock.calls]).toEqual(['delivered', []]);
    // The first piece of the body and the end: no filter that could read the rest wants it.
    expect(rounds).toBe(2);
  });

  it('sees a message that an earlier filter has only let pass', async () => {
    const filter = compose(
      on(['mail', 'rcpt', 'header', 'eoh', 'body'], () => allow()),
      onMessage(async ({ sender, recipients, headers, body }) =>
        addHeader(
          'X-A',
          [sender.address, recipients.length, headers.length, await body.text()].join(' ').trim(),
        ),
      ),
    );
    expect(valuesIn(await give(filter), 'X-A')).toEqual(['sender@example.org 1 1 hello']);
  });

  it.each(['mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom'] as const)(
    'is not asked about a message that was refused or accepted at %s',
    async (stage) => {
      for (const decision of [reject(), tempfail(), discard(), accept()]) {
        const project = vi.fn();
        const filter = compose(
          on(stage, () => decision as never),
          onMessage(project),
          onMessage({ body: 'stream' }, project),
        );
        await give(filter);
        expect(project).toHaveBeenCalledTimes(stage === 'body' || stage === 'eom' ? 1 : 0);
      }
    },
  );

  it('keeps sender and recipients where DATA was refused, and another one came', async () => {
    const seen: string[] = [];
    let refused = 0;
    const wire = new Wire().pipe(
      compose(
        on('data', () => (refused++ === 0 ? reject() : undefined)),
        onMessage(({ sender, recipients }) => void seen.push(`${sender.address} ${recipients.length}`)),
        onMessage({ body: 'stream' }, ({ recipients }) => void seen.push(`${recipients.length}`)),
      ),
    );
    wire.say(
      'optneg',
      'connect',
      'helo',
      'mail',
      'rcpt',
      'data',
      'rcpt',
      'data',
      'header',
      'eoh',
      'body',
      'eom',
    );
    await settle();
    expect(seen).toEqual(['2', 'sender@example.org 2']);
  });

  it('is not disturbed by a command that is refused in the middle of a message', async () => {
    const seen: string[] = [];
    const note = ({ recipients }: { recipients: Message['recipients'] }): void =>
      void seen.push(`${recipients.length}`);
    const mta = await simulate(
      compose(
        on('unknown', () => reject()),
        onMessage(note),
        onMessage({ body: 'stream' }, note),
      ),
    );
    await mta.mail();
    await mta.rcpt();
    await mta.unknown();
    await mta.rcpt('second@example.org');
    await mta.header();
    await mta.eoh();
    await mta.body();
    await mta.eom();
    await mta.close();
    expect(seen).toEqual(['2', '2']);
  });
});

describe('an error in onMessage', () => {
  expectQuiet();

  const broken = new Error('broken');
  const fails: [string, (message: Message) => unknown][] = [
    [
      'thrown',
      () => {
        throw broken;
      },
    ],
    ['rejected', () => Promise.reject(broken)],
    ['from an Observable', () => throwError(() => broken)],
    [
      'from a generator',
      function* () {
        yield addHeader('X-A', '1');
        throw broken;
      },
    ],
    [
      'from an async generator',
      async function* () {
        await settle();
        yield addHeader('X-A', '1');
        throw broken;
      },
    ],
    [
      'in a change',
      (message) =>
        edit(message, () => {
          throw broken;
        }),
    ],
    [
      'in a change that takes its time',
      (message) =>
        edit(message, async () => {
          await settle();
          throw broken;
        }),
    ],
    [
      'from a new body',
      (message) =>
        edit(message, (draft) => {
          draft.body = (async function* () {
            await settle();
            yield 'some';
            throw broken;
          })();
        }),
    ],
  ];

  it.each(fails)(
    '%s costs the message the failure decision, and is reported once',
    async (_name, project) => {
      for (const body of ['buffer', 'stream', 'none'] as const) {
        const outcomes: Outcome[] = [];
        const delivery = await give(
          onMessage({ body }, project as never),
          {},
          { outcome: (one) => outcomes.push(one) },
        );
        expect([body, delivery.outcome]).toEqual([body, 'deferred']);
        const errors = outcomes.flatMap(({ error }) => (error === undefined ? [] : [error]));
        expect(errors.map(({ cause }) => cause)).toEqual([broken]);
      }
    },
  );

  it.each(fails)('%s may let the message pass, and the next one is as before', async (_name, project) => {
    let calls = 0;
    const mta = await simulate(
      onMessage((message) => (calls++ === 0 ? project(message) : addHeader('X-A', 'fine')) as never),
      { session: { failure: allow() } },
    );
    expect((await mta.send(mailOf())).outcome).toMatch(/delivered|deferred/);
    expect(valuesIn(await mta.send(mailOf()), 'X-A')).toEqual(['fine']);
    await mta.close();
  });

  it('that is no answer says which are', async () => {
    for (const body of ['buffer', 'stream', 'none'] as const) {
      const outcomes: Outcome[] = [];
      const filter = onMessage({ body }, () => skip() as never);
      await give(filter, {}, { outcome: (one) => outcomes.push(one) });
      expect(outcomes.map(({ error }) => error?.message)).toContainEqual(
        expect.stringMatching(
          /^skip\(\) is not legal at stage eom\. Use allow\(\), accept\(\), reject\(\), tempfail\(\), discard\(\), addHeader\(\), …\. \(at on-message\.test\.ts:\d+:\d+\)$/,
        ),
      );
    }
  });

  it('is that of the deadline where no answer comes, and the project is told', async () => {
    for (const body of ['buffer', 'stream', 'none'] as const) {
      let signal: AbortSignal | undefined;
      const mta = await simulate(
        onMessage({ body }, (_message, context) => {
          ({ signal } = context);
          return NEVER;
        }),
        { session: { timeouts: { eom: 20 } } },
      );
      expect((await mta.eom()).verdict).toBe('tempfail');
      expect(signal?.aborted).toBe(true);
      await mta.close();
    }
  });

  it('of a filter that only observes is no failure of onMessage()', async () => {
    const filter = compose(
      observe('eom', () => {
        throw broken;
      }),
      onMessage(({ session: { id } }) => addHeader('X-A', id === session().id ? 'drawn' : 'real')),
    );
    const outcomes: Outcome[] = [];
    const delivery = await give(filter, {}, { outcome: (one) => outcomes.push(one) });
    expect(valuesIn(delivery, 'X-A')).toEqual(['real']);
    expect(outcomes.flatMap(({ error }) => error?.cause ?? [])).toEqual([broken]);
  });
});
