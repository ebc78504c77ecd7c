import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { of } from 'rxjs';
import {
  type Draft,
  edit,
  type BodyMode,
  type Message,
  remote,
  compose,
  type Filter,
  onMessage,
  on,
  serve,
  accept,
  type BodySource,
  type Edit,
  type Modification,
  addHeader,
  addRecipient,
  changeHeader,
  changeSender,
  deleteHeader,
  deleteRecipient,
  insertHeader,
  quarantine,
  replaceBody,
  type Outcome,
} from 'rxmilter';
import type { Delivery } from 'rxmilter/mta';
import { simulate } from 'rxmilter/testing';
import { describe, expect, it, vi } from 'vitest';

import { body, eoh, eom, header, mail, rcpt } from '../support/events.js';
import { marbles } from '../support/marbles.js';
import { give, mailOf, valuesIn } from './support/mails.js';
import { expectQuiet } from './support/quiet.js';

const MAIL = {
  sender: { address: 'alice@a.test', args: ['BODY=8BITMIME'] },
  recipients: ['bob@b.test', 'carol@c.test'],
  headers: [
    ['From', 'alice@a.test'],
    ['Date', 'Thu, 26 Nov 2026 00:00:00 +0000'],
    ['Message-ID', '<1@a.test>'],
    ['Subject', 'hello'],
    ['X-A', '1'],
    ['X-A', '2'],
  ],
  body: 'one\ntwo\n',
} as const;
/** What of the header of that is delivered, but for the three fields that an MTA makes where they are missing. */
function headerOf({ headers }: Delivery): string[] {
  return headers
    .filter(({ name }) => !['Received', 'From', 'Date', 'Message-ID'].includes(name))
    .map(({ name, value }) => `${name}: ${value}`);
}

function editing(change: (draft: Draft, message: Message) => void): Filter {
  return onMessage((message) => edit(message, (draft) => change(draft, message)));
}

/** What a filter behind the others sees. */
function watching(see: (message: Message) => unknown): Filter {
  return onMessage(async (message) => {
    await see(message);
  });
}

const textOf = ({ modifications }: Delivery): string[] =>
  modifications.map((one) => ('name' in one ? `${one.type} ${one.name}` : one.type));

describe('edit()', () => {
  expectQuiet();

  it(
    'is an answer like any other',
    marbles(({ hot, expectObservable }) => {
      const m = mail();
      const r = rcpt();
      const h = header('Subject', 'hello');
      const o = eoh();
      const b = body('text');
      const e = eom();
      const source = hot('-m-r-h-o-b-e-|', { m, r, h, o, b, e });
      const filter = editing((draft) => {
        draft.headers.set('Subject', 'changed');
        draft.recipients.add('new@b.test');
      });
      expectObservable(source.pipe(filter)).toBe('-m-r-h-o-b-E-|', {
        ...{ m, r, h, o, b },
        E: { ...e, modifications: [changeHeader('Subject', 'changed'), addRecipient('new@b.test')] },
      });
    }),
  );

  it('turns a message into the draft, in all of its parts, on both MTAs', async () => {
    for (const mta of ['postfix', 'sendmail'] as const) {
      const filter = editing((draft) => {
        draft.headers.set('Subject', 'new');
        draft.headers.delete('X-A', 1);
        draft.headers.prepend('X-Top', 'first');
        draft.headers.append('X-Last', 'last');
        draft.sender = { address: 'new@a.test', args: ['RET=HDRS'] };
        draft.recipients.delete('bob@b.test');
        draft.recipients.add('dora@d.test');
        draft.body = 'three\r\n';
      });
      const delivery = await give(filter, MAIL, { mta });
      expect([mta, headerOf(delivery)]).toEqual([
        mta,
        ['X-Top: first', 'Subject: new', 'X-A: 2', 'X-Last: last'],
      ]);
      expect(delivery.sender).toEqual({ address: 'new@a.test', args: ['RET=HDRS'] });
      expect(delivery.recipients.map(({ address }) => address).sort()).toEqual([
        'carol@c.test',
        'dora@d.test',
      ]);
      expect(String(delivery.body)).toBe('three\r\n');
    }
  });

  it('costs nothing where the draft is the message', async () => {
    const changes: ((draft: Draft, message: Message) => void)[] = [
      () => undefined,
      (draft) => void draft.headers.set('Subject', 'hello'),
      (draft) => {
        draft.headers.append('X-New', '1');
        draft.headers.delete('X-New');
      },
      (draft) => {
        draft.recipients.add('new@b.test');
        draft.recipients.delete('new@b.test');
      },
      (draft) => void draft.recipients.add('bob@b.test'),
      (draft) => void (draft.sender = { address: 'alice@a.test', args: ['BODY=8BITMIME'] }),
      (draft) => void (draft.body = 'one\r\ntwo\r\n'),
      (draft) => void (draft.body = Buffer.from('one\r\ntwo\r\n')),
      (draft, message) => void (draft.body = message.body),
      (draft) => void (draft.body = undefined),
    ];
    for (const change of changes) expect(textOf(await give(editing(change), MAIL))).toEqual([]);
  });

  it.each(['buffer', 'stream', 'none'] as const)('works with the body %s', async (mode) => {
    const filter = onMessage({ body: mode }, (message) =>
      edit(message as Message<BodyMode>, (draft) => {
        draft.headers.set('Subject', 'new');
        draft.body = 'other\r\n';
      }),
    );
    const delivery = await give(filter, MAIL);
    expect(valuesIn(delivery, 'Subject')).toEqual(['new']);
    expect(String(delivery.body)).toBe('other\r\n');
  });

  it('may stand beside other answers, and comes in a promise where its change takes its time', async () => {
    const filter = onMessage(async (message) => [
      quarantine('look at it'),
      await edit(message, async (draft) => {
        await Promise.resolve();
        draft.headers.set('Subject', 'new');
      }),
      addHeader('X-B', '3'),
      accept(),
    ]);
    const delivery = await give(filter, MAIL);
    expect([delivery.outcome, delivery.quarantined]).toEqual(['quarantined', 'look at it']);
    expect(headerOf(delivery)).toEqual(['Subject: new', 'X-A: 1', 'X-A: 2', 'X-B: 3']);
  });

  it('takes no new body from a stream that has been read, which would leave the message without one', async () => {
    const outcomes: Outcome[] = [];
    for (const how of ['edit', 'plain'] as const) {
      const filter = onMessage(async (message) => {
        const stream = message.body.readable();
        await stream.toArray();
        return how === 'plain'
          ? ({ kind: 'replaceBody', body: stream } as const)
          : edit(message, (draft) => void (draft.body = stream));
      });
      const delivery = await give(filter, MAIL, { outcome: (one) => void outcomes.push(one) });
      expect(delivery.outcome).toBe('deferred');
    }
    expect(outcomes.flatMap(({ error }) => error?.message ?? [])).toEqual([
      expect.stringMatching(/^replaceBody: the stream has been read to its end already/),
      expect.stringMatching(/^replaceBody: the stream has been read to its end already/),
    ]);
  });

  it('leaves the body alone where it is set to itself, also when it was read', async () => {
    const filter = onMessage({ body: 'stream' }, async (message) => {
      await message.body.readable().toArray();
      return edit(message, (draft) => void (draft.body = message.body));
    });
    const delivery = await give(filter, MAIL);
    expect([delivery.outcome, delivery.modifications]).toEqual(['delivered', []]);
  });

  const misuses: [string, (draft: Draft) => unknown, RegExp][] = [
    ['an Observable', () => of(1), /returned an Observable or a generator, which would not be read/],
    [
      'a generator',
      function* (draft) {
        yield draft.headers.append('X', '1');
      },
      /returned an Observable or a generator/,
    ],
    [
      'an async generator',
      async function* (draft) {
        yield draft.headers.append('X', '1');
        await pause(1);
      },
      /returned an Observable or a generator/,
    ],
    [
      'a body of another kind',
      (draft) => Object.assign(draft, { body: 42 }),
      /^replaceBody: the body is neither/,
    ],
    [
      'a sender that is not valid',
      (draft) => Object.assign(draft, { sender: null }),
      /^draft\.sender: null is neither/,
    ],
    ['other headers', (draft) => Object.assign(draft, { headers: {} }), /read only property 'headers'/],
    ['a field that no draft has', (draft) => Object.assign(draft, { subject: 'x' }), /not extensible/],
    [
      'no address to look for',
      (draft) => draft.recipients.has(undefined as unknown as string),
      /^draft\.recipients\.has/,
    ],
    [
      'no address to delete',
      (draft) => draft.recipients.delete(null as unknown as string),
      /^draft\.recipients\.delete: the address is null/,
    ],
  ];

  it.each(misuses)('says what is wrong where it gets %s', async (_what, change, message) => {
    const errors: unknown[] = [];
    const filter = onMessage((whole) => {
      try {
        return edit(whole, change);
      } catch (error) {
        errors.push(error);
        throw error;
      }
    });
    expect((await give(filter, MAIL)).outcome).toBe('deferred');
    expect(errors).toEqual([expect.objectContaining({ message: expect.stringMatching(message) as string })]);
  });

  it('says so where it is given no message', () => {
    for (const none of ['message', null, undefined]) {
      expect(() => edit(none as unknown as Message, () => undefined)).toThrow(
        /^edit\(\): the first argument is not a message/,
      );
    }
  });

  it('is plain and can be compared', () => {
    let made: Edit | undefined;
    const filter = onMessage(
      (message) => (made = edit(message, (draft) => void draft.headers.set('X-A', '3', 2))),
    );
    return give(filter, MAIL).then(() => {
      expect(made).toEqual({ kind: 'edit', modifications: [changeHeader('X-A', '3', 2)], replaces: [] });
    });
  });

  const wrong: [string, (message: Message) => unknown, string][] = [
    [
      'two of one message',
      (message) => [edit(message, () => undefined), edit(message, () => undefined)],
      'edit(): a second edit of the same message',
    ],
    [
      'one of something else',
      () => edit({} as Message, () => undefined),
      'edit(): the first argument is not a message',
    ],
    [
      'one without a change',
      (message) => edit(message, undefined as never),
      'edit(): the second argument has to be a function',
    ],
    [
      'a sender that is no address',
      (message) => edit(message, (draft) => void (draft.sender = 'a\r\nb')),
      'draft.sender',
    ],
    [
      'a name that is not valid',
      (message) => edit(message, (draft) => void draft.headers.set('Sub ject', 'a')),
      'Sub ject',
    ],
    [
      'a recipient that is no address',
      (message) => edit(message, (draft) => void draft.recipients.add('')),
      'recipient',
    ],
    [
      'a body that is not valid',
      (message) => edit(message, (draft) => void (draft.body = 42 as never)),
      'body',
    ],
  ];

  it.each(wrong)(
    '%s costs the message the failure decision, in words that say what was wrong',
    async (_name, project, words) => {
      const outcomes: Outcome[] = [];
      const delivery = await give(onMessage(project as never), MAIL, {
        outcome: (one) => outcomes.push(one),
      });
      expect(delivery.outcome).toBe('deferred');
      expect(outcomes.flatMap(({ error }) => error?.message ?? []).join()).toContain(words);
    },
  );
});

describe('a later filter', () => {
  expectQuiet();

  it('sees what plain modifications before it make of the message', async () => {
    const before: Modification[] = [
      addHeader('X-B', 'new'),
      insertHeader('top', 'X-Top', '1'),
      changeHeader('Subject', 'changed'),
      deleteHeader('X-A', 1),
      addRecipient('dora@d.test', ['NOTIFY=NEVER']),
      deleteRecipient('bob@b.test'),
      changeSender('new@a.test', ['RET=FULL']),
      replaceBody('other\r\n'),
      quarantine('look'),
    ];
    let seen: unknown;
    const filter = compose(
      on('eom', () => before),
      watching(async (message) => {
        const { headers, sender, recipients, body: whole, modifications, source } = message;
        seen = {
          headers: [...headers].map(({ name, value }) => `${name}: ${value}`).slice(0, 2),
          others: [headers.get('Subject'), headers.getAll('X-A'), headers.get('X-B')],
          sender: [sender.address, sender.args],
          recipients: recipients.map(({ address, args }) => [address, args]),
          body: await whole.text(),
          complete: whole.complete,
          modifications: modifications.map(({ kind }) => kind),
          source: String(Buffer.concat(await source().toArray())).slice(-11),
        };
      }),
    );
    const delivery = await give(filter, MAIL);
    expect(seen).toEqual({
      headers: ['X-Top: 1', 'From: alice@a.test'],
      others: ['changed', ['2'], 'new'],
      sender: ['new@a.test', ['RET=FULL']],
      recipients: [
        ['carol@c.test', []],
        ['dora@d.test', ['NOTIFY=NEVER']],
      ],
      body: 'other\r\n',
      complete: true,
      modifications: before.map(({ kind }) => kind),
      source: '\r\n\r\nother\r\n',
    });
    expect(headerOf(delivery)).toEqual(['X-Top: 1', 'Subject: changed', 'X-A: 2', 'X-B: new']);
    expect(String(delivery.body)).toBe('other\r\n');
  });

  it('sees what a milter elsewhere wants changed, and edits that', async () => {
    const server = await serve(
      on('eom', () => [
        addHeader('X-Remote', '1'),
        changeHeader('Subject', 'from elsewhere'),
        addRecipient('dora@d.test'),
        replaceBody('other\r\n'),
      ]),
      { listen: 'inet:0@127.0.0.1' },
    );
    try {
      const filter = compose(
        remote(server.address),
        onMessage(async (message) => {
          const { headers, recipients, body: whole } = message;
          const text = await whole.text();
          return edit(message, (draft) => {
            draft.headers.set('Subject', `${headers.get('Subject') ?? ''}, seen`);
            draft.headers.delete('X-Remote');
            draft.headers.append('X-Seen', `${recipients.length} ${text.trim()}`);
          });
        }),
      );
      const delivery = await give(filter, MAIL);
      expect(headerOf(delivery)).toEqual([
        ...['Subject: from elsewhere, seen', 'X-A: 1', 'X-A: 2', 'X-Seen: 3 other'],
      ]);
      expect([String(delivery.body), delivery.recipients.length]).toEqual(['other\r\n', 3]);
    } finally {
      await server.close();
    }
  });

  it('sees edits of edits, and what is delivered is the last draft', async () => {
    const steps = ['one', 'two', 'three'].map((step) =>
      editing((draft, { headers }) => {
        draft.headers.set('Subject', `${headers.get('Subject') ?? ''} ${step}`);
        draft.headers.append('X-Step', step);
        draft.recipients.add(`${step}@b.test`);
        draft.sender = `${step}@a.test`;
      }),
    );
    const filter = compose(...steps);
    const delivery = await give(filter, MAIL);
    expect(headerOf(delivery)).toEqual([
      ...['Subject: hello one two three', 'X-A: 1', 'X-A: 2'],
      ...['X-Step: one', 'X-Step: two', 'X-Step: three'],
    ]);
    expect(delivery.sender.address).toBe('three@a.test');
    expect(delivery.recipients).toHaveLength(5);
    // One change each of subject and sender, however many have made one.
    expect(textOf(delivery).sort()).toEqual(
      [
        ...['changeHeader Subject', 'addHeader X-Step', 'addHeader X-Step', 'addHeader X-Step'],
        ...['addRecipient', 'addRecipient', 'addRecipient', 'changeSender'],
      ].sort(),
    );
  });

  it('can undo what an earlier one has done, and then nothing is changed', async () => {
    const filter = compose(
      editing((draft) => {
        draft.headers.set('Subject', 'changed');
        draft.headers.prepend('X-New', '1');
        draft.headers.delete('X-A', 2);
        draft.recipients.delete('bob@b.test');
        draft.sender = 'other@a.test';
      }),
      on('eom', () => [addHeader('X-Plain', '1'), deleteRecipient('carol@c.test')]),
      editing((draft) => {
        draft.headers.set('Subject', 'hello');
        draft.headers.delete('X-New');
        draft.headers.delete('X-Plain');
        draft.headers.append('X-A', '2');
        draft.recipients.clear();
        draft.recipients.add('bob@b.test');
        draft.recipients.add('carol@c.test');
        draft.sender = { address: 'alice@a.test', args: ['BODY=8BITMIME'] };
      }),
    );
    expect(textOf(await give(filter, MAIL))).toEqual([]);
  });

  it('keeps the new body of an earlier one where it sets the same', async () => {
    const filter = compose(
      on('eom', () => replaceBody('other\r\n')),
      editing((draft) => void (draft.body = 'other\r\n')),
    );
    expect(String((await give(filter, MAIL)).body)).toBe('other\r\n');
  });

  it('leaves alone what it does not touch of what earlier ones want', async () => {
    const filter = compose(
      on('eom', () => [addHeader('X-Plain', '1'), quarantine('look'), replaceBody('other\r\n')]),
      editing((draft) => {
        draft.recipients.add('dora@d.test');
      }),
      on('eom', () => addHeader('X-After', '2')),
    );
    const delivery = await give(filter, MAIL);
    expect(headerOf(delivery).slice(-2)).toEqual(['X-Plain: 1', 'X-After: 2']);
    expect([delivery.quarantined, String(delivery.body), delivery.recipients.length]).toEqual([
      'look',
      'other\r\n',
      3,
    ]);
  });

  it('adds to an edit what it wants beside it', async () => {
    const filter = compose(
      editing((draft) => void draft.headers.set('Subject', 'changed')),
      on('eom', () => addHeader('X-B', '1')),
      onMessage(({ headers }) =>
        addHeader('X-Seen', `${headers.get('Subject') ?? ''} ${headers.get('X-B') ?? ''}`),
      ),
    );
    expect(headerOf(await give(filter, MAIL))).toEqual([
      ...['Subject: changed', 'X-A: 1', 'X-A: 2', 'X-B: 1', 'X-Seen: changed 1'],
    ]);
  });

  const file = join(mkdtempSync(join(tmpdir(), 'rxmilter-test-')), 'body');
  const pieces = ['new ', 'body\r\n'];
  const sources: [string, (message: Message) => BodySource][] = [
    ['text', () => 'new body\r\n'],
    ['bytes', () => Buffer.from('new body\r\n')],
    ['an array of both', () => ['new ', Buffer.from('body\r\n')]],
    [
      'a generator',
      () =>
        (function* () {
          yield* pieces;
        })(),
    ],
    [
      'an async generator',
      () =>
        (async function* () {
          await pause(1);
          yield* pieces;
        })(),
    ],
    ['a Node stream', () => Readable.from(pieces)],
    ['the stream of a file', () => createReadStream(file)],
    ['a stream out of the old body', ({ body: whole }) => whole.readable().map(() => 'new body\r\n')],
    [
      'an iterable out of it',
      ({ body: whole }) =>
        (async function* () {
          await whole.bytes();
          yield* pieces;
        })(),
    ],
  ];

  it.each(sources)(
    'reads a new body that is %s, and so does the one behind it, and the MTA',
    async (_name, source) => {
      writeFileSync(file, pieces.join(''));
      try {
        for (const how of ['edit', 'plain'] as const) {
          const seen: string[] = [];
          const filter = compose(
            onMessage((message) =>
              how === 'edit'
                ? edit(message, (draft) => void (draft.body = source(message)))
                : replaceBody(source(message)),
            ),
            watching(async ({ body: whole }) => seen.push(await whole.text(), await whole.text())),
            onMessage({ body: 'none' }, () => addHeader('X-Between', '1')),
            onMessage(({ body: { size } }) => void seen.push(`${size}`)),
            watching(async ({ source: all }) =>
              seen.push(String(Buffer.concat(await all().toArray())).slice(-10)),
            ),
          );
          const delivery = await give(filter, MAIL);
          const text = 'new body\r\n';
          expect([seen, String(delivery.body)]).toEqual([[text, text, '10', text], text]);
        }
      } finally {
        rmSync(file);
      }
    },
  );

  it('can change a changed body again, and give back what it was given', async () => {
    const filter = compose(
      onMessage((message) => edit(message, (draft) => void (draft.body = message.body.readable()))),
      onMessage(async ({ body: whole }) => replaceBody((await whole.text()).toUpperCase())),
      onMessage((message) => replaceBody(message.body)),
      onMessage((message) => edit(message, (draft) => void (draft.body = message.body))),
      onMessage(async (message) => {
        const text = await message.body.text();
        return edit(message, (draft) => void (draft.body = `${text}END\r\n`));
      }),
    );
    const delivery = await give(filter, MAIL);
    expect(String(delivery.body)).toBe('ONE\r\nTWO\r\nEND\r\n');
    expect(textOf(delivery)).toEqual(['replaceBody']);
  });

  it('reads the last of several new bodies, as the MTA does', async () => {
    const first = Readable.from(['first']);
    const filter = compose(
      on('eom', () => [replaceBody(first), replaceBody('last\r\n')]),
      watching(async ({ body: whole }) => expect(await whole.text()).toBe('last\r\n')),
    );
    expect(String((await give(filter, MAIL)).body)).toBe('last\r\n');
    await vi.waitFor(() => expect(first.destroyed).toBe(true));
  });

  const failing: [string, () => BodySource][] = [
    [
      'a generator',
      () =>
        (function* () {
          yield 'some';
          throw new Error('no more');
        })(),
    ],
    [
      'an async generator',
      () =>
        (async function* () {
          yield 'some';
          await pause(1);
          throw new Error('no more');
        })(),
    ],
    [
      'a stream',
      () =>
        Readable.from(
          (async function* () {
            yield 'some';
            await pause(1);
            throw new Error('no more');
          })(),
        ),
    ],
    ['something else than text', () => JSON.parse('[42]') as BodySource],
  ];
  it.each(failing)('is not asked where a new body cannot be read: %s', async (_name, source) => {
    const project = vi.fn();
    const outcomes: Outcome[] = [];
    const filter = compose(
      on('eom', () => replaceBody(source())),
      onMessage(project),
    );
    const delivery = await give(filter, MAIL, { outcome: (one) => outcomes.push(one) });
    expect([delivery.outcome, project.mock.calls]).toEqual(['deferred', []]);
    expect(outcomes.flatMap(({ error }) => error?.message ?? [])).toEqual([
      expect.stringMatching(/no more|instead of text or bytes/),
    ]);
  });

  it('is not asked about a message that is given up while a new body is read', async () => {
    const ways: ((mta: Awaited<ReturnType<typeof simulate>>) => unknown)[] = [
      (mta) => mta.hangUp(),
      () => undefined,
    ];
    for (const way of ways) {
      const project = vi.fn();
      let finished = 0;
      const endless = (async function* () {
        try {
          for (;;) {
            yield 'piece';
            await pause(1);
          }
        } finally {
          finished++;
        }
      })();
      const mta = await simulate(
        compose(
          on('eom', () => replaceBody(endless)),
          onMessage(project),
        ),
        { session: { timeouts: { eom: 50 } } },
      );
      const told = mta.eom();
      await pause(10);
      await way(mta);
      expect((await told).verdict).toMatch(/lost|tempfail/);
      await vi.waitFor(() => expect(finished).toBe(1));
      await pause(5);
      expect(project).not.toHaveBeenCalled();
      await mta.close();
    }
  });

  it('is not shown what a filter wants that has decided at once, nor asked', async () => {
    const project = vi.fn();
    const filter = compose(
      onMessage((message) => [edit(message, (draft) => void draft.headers.set('Subject', 'new')), accept()]),
      onMessage(project),
    );
    const delivery = await give(filter, MAIL);
    expect([project.mock.calls, valuesIn(delivery, 'Subject')]).toEqual([[], ['new']]);
  });

  it('sees each message of a connection by itself', async () => {
    const mta = await simulate(
      compose(
        editing((draft) => void draft.headers.set('Subject', 'changed')),
        editing((draft, { headers }) => void draft.headers.append('X-Seen', headers.get('Subject') ?? '')),
      ),
    );
    for (let at = 0; at < 2; at++) {
      const delivery = await mta.send(mailOf(MAIL));
      expect(headerOf(delivery)).toEqual(['Subject: changed', 'X-A: 1', 'X-A: 2', 'X-Seen: changed']);
    }
    await mta.close();
  });
});
