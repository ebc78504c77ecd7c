import {
  accept,
  addHeader,
  changeSender,
  compose,
  deleteHeader,
  discard,
  edit,
  type Filter,
  insertHeader,
  observe,
  on,
  onMessage,
  type Outcome,
  quarantine,
  reject,
  replaceBody,
  requireRights,
  serve,
  type ServeOptions,
} from 'rxmilter';
import { describe, expect, onTestFinished, test, vi } from 'vitest';

import filter from '../../examples/tagging.mjs';
import type { PlainDelivery, PlainMail } from './support/milter-frames.js';
import { deliverByStalwart } from './support/stalwart-client.js';

const MESSAGE =
  'Subject: Lunch?\r\nFrom: Alice <alice@src.example>\r\nX-One: 1\r\n\r\nAt noon?\r\n\r\nAlice\r\n';

interface Sent extends PlainDelivery {
  readonly errors: readonly string[];
  readonly outcomes: readonly Outcome[];
}

/** Serves the filter, and has Stalwart give it the mail. */
async function send(
  served: Filter,
  mail: Partial<PlainMail> = {},
  options: Parameters<typeof deliverByStalwart>[2] = {},
  serving: Partial<ServeOptions> = {},
): Promise<Sent> {
  const errors: string[] = [];
  const outcomes: Outcome[] = [];
  const server = await serve(served, {
    listen: 'inet:0@127.0.0.1',
    onError: (error) => void errors.push(error.message),
    ...serving,
  });
  onTestFinished(() => server.destroy());
  server.outcomes.subscribe((outcome) => outcomes.push(outcome));
  const delivery = await deliverByStalwart(server.address, { message: MESSAGE, ...mail }, options);
  return { ...delivery, errors, outcomes };
}

/** The warnings of the test. */
function warnings(): string[] {
  const told: string[] = [];
  const spy = vi.spyOn(process, 'emitWarning').mockImplementation((text) => void told.push(String(text)));
  onTestFinished(() => spy.mockRestore());
  return told;
}

const header = ({ message }: PlainDelivery): string => message.slice(0, message.indexOf('\r\n\r\n'));
const body = ({ message }: PlainDelivery): string => message.slice(message.indexOf('\r\n\r\n') + 4);

describe('behind Stalwart', () => {
  test('the server is known, and a message is seen as it was sent', async () => {
    const seen: unknown[] = [];
    const look = onMessage(async (message) => {
      let source = '';
      for await (const piece of message.source()) source += String(piece);
      seen.push(message.session.mta, source, await message.body.text());
    });
    const sent = await send(look);
    expect(seen).toEqual(['stalwart', MESSAGE, 'At noon?\r\n\r\nAlice\r\n']);
    expect(sent.message).toBe(MESSAGE);
    expect(sent.errors).toEqual([]);
  });

  test.each([1, 2, 3, 5, 17, 40, 80, 1_000])(
    'the header is no part of the body, in chunks of %i bytes',
    async (chunk) => {
      const chunks: string[] = [];
      let streamed = '';
      const look = compose(
        observe('body', (event) => void chunks.push(String(event.chunk))),
        onMessage({ body: 'stream' }, async ({ body: stream }) => {
          for await (const piece of stream) streamed += String(piece);
        }),
      );
      const sent = await send(look, {}, { chunk });
      expect([chunks.join(''), streamed]).toEqual(['At noon?\r\n\r\nAlice\r\n', 'At noon?\r\n\r\nAlice\r\n']);
      expect(sent.errors).toEqual([]);
    },
  );

  test.each([
    ['a body that looks like a header', 'A: 1\r\n\r\nA: 1\r\n\r\nB: 2\r\n', 'A: 1\r\n\r\nB: 2\r\n'],
    ['no body', 'A: 1\r\n\r\n', ''],
    ['no header', '\r\nHi\r\n', 'Hi\r\n'],
    ['folded fields', 'A: 1\r\n two\r\nB: 2\r\n\r\nHi\r\n', 'Hi\r\n'],
  ])('the body is the body: %s', async (_name, message, expected) => {
    let seen = '';
    await send(
      onMessage(async (one) => {
        seen = await one.body.text();
      }),
      { message },
    );
    expect(seen).toBe(expected);
  });

  test('a limit and a beginning count the body alone', async () => {
    let seen = '';
    await send(
      onMessage({ maxBytes: 4, limits: { bodyBytes: 100 } }, async (one) => {
        seen = await one.body.text();
      }),
      { message: `Subject: ${'long '.repeat(100)}\r\n\r\nAt noon?\r\n` },
    );
    expect(seen).toBe('At n');
  });

  test('folds have a line feed for the filter, and CRLF in the message', async () => {
    let seen = '';
    const signing = onMessage(({ headers }, { draft }) => {
      seen = headers.field('Subject')?.value ?? '';
      draft.headers.prepend('DKIM-Signature', 'v=1; a=rsa-sha256;\n\tb=abc;\n\td=src.example');
    });
    const sent = await send(signing, { message: 'Subject: a\r\n b\r\nX: 1\r\n\r\nHi\r\n' });
    expect(seen).toBe('a\n b');
    expect(sent.message).toBe(
      'DKIM-Signature: v=1; a=rsa-sha256;\r\n\tb=abc;\r\n\td=src.example\r\nSubject: a\r\n b\r\nX: 1\r\n\r\nHi\r\n',
    );
  });

  test('headers come in the order in which they were given, also beside changes', async () => {
    const told = warnings();
    const both = on('eom', () => [
      addHeader('X-A', '1'),
      addHeader('X-A', '2'),
      insertHeader('top', 'X-Top', '0'),
    ]);
    expect(header(await send(both))).toBe(
      `X-Top: 0\r\nX-A: 1\r\nX-A: 2\r\n${MESSAGE.split('\r\n\r\n')[0] ?? ''}`,
    );
    const changed = onMessage((_message, { draft }) => {
      draft.headers.append('X-A', '1');
      draft.headers.append('X-A', '2');
      draft.headers.set('Subject', 'Dinner');
      draft.headers.delete('X-One');
      draft.headers.prepend('X-Top', '0');
    });
    expect(header(await send(changed))).toBe(
      'X-Top: 0\r\nX-A: 1\r\nX-A: 2\r\nSubject: Dinner\r\nFrom: Alice <alice@src.example>',
    );
    expect(told.filter((text) => text.includes('puts a new header above'))).toHaveLength(1);
  });

  test('headers are put before the next one of their name', async () => {
    const message = 'R: 1\r\nA: x\r\nR: 2\r\nR: 3\r\n\r\nHi\r\n';
    const between = onMessage((one, { draft }) => {
      const second = one.headers.field('R', 2);
      if (second !== undefined) draft.headers.insertBefore(second, 'R', 'new');
      // The third of the draft, which is the second that was shown.
      draft.headers.delete('R', 3);
    });
    expect(header(await send(between, { message }))).toBe('R: 1\r\nA: x\r\nR: new\r\nR: 3');
  });

  test('a flaw of a header at a place is told, with its line', async () => {
    warnings();
    const placed = insertHeader(2, 'X-One', 'a\rb');
    const sent = await send(on('eom', () => placed));
    expect(header(sent)).toContain('X-One: a b\r\nX-One: 1');
    expect(sent.errors).toEqual([expect.stringMatching(/insertHeader.*\(at stalwart\.test\.ts:\d+:\d+\)$/)]);
  });

  test('a deletion and a change mean the fields that were shown', async () => {
    const message = 'R: 1\r\nR: 2\r\nR: 3\r\n\r\nHi\r\n';
    const deleting = on('eom', () => [
      deleteHeader('R', 1),
      deleteHeader('R', 3),
      insertHeader('top', 'R', '0'),
    ]);
    expect(header(await send(deleting, { message }))).toBe('R: 0\r\nR: 2');
  });

  test('the envelope is changed: sender, recipients in any spelling', async () => {
    const changing = onMessage({ body: 'none' }, (message, { draft }) => {
      draft.sender = 'bounces@src.example';
      if (draft.recipients.delete('Bob@Dst.Example') > 0) draft.recipients.add('carol@dst.example');
      expect(message.recipients).toHaveLength(2);
    });
    const sent = await send(changing, { recipients: ['bob@dst.example', 'ann@dst.example'] });
    expect(sent.sender).toBe('bounces@src.example');
    expect(sent.recipients).toEqual(['ann@dst.example', 'carol@dst.example']);
    expect(await send(on('eom', () => changeSender(''))).then(({ sender }) => sender)).toBe('');
  });

  test('a refusal is one line, with its percent signs', async () => {
    const refusing = on('mail', () => reject({ text: ['100 % no', 'really'] }));
    expect((await send(refusing)).reply).toBe('550 5.7.1 100 % no really');
  });

  test('what is not UTF-8 is written in it', async () => {
    const latin1 = on('eom', () => [
      addHeader('X-Latin', Buffer.from('caf\xe9', 'latin1')),
      quarantine('caf\xe9'),
    ]);
    warnings();
    const sent = await send(latin1);
    expect(sent.message).toContain('X-Latin: café\r\n');
    expect(sent.errors).toEqual([]);
  });

  test('what it makes something else of is said once', async () => {
    const told = warnings();
    const held = on('eom', () => quarantine('spam'));
    expect((await send(held)).message).toContain('X-Quarantine: spam\r\n');
    await send(held);
    const refused = on('rcpt', ({ local }) => local === 'eve' && reject('Not you'));
    expect(await send(refused, { recipients: ['bob@dst.example', 'eve@dst.example'] })).toMatchObject({
      result: 'refused',
      reply: '550 5.7.1 Not you',
    });
    await send(refused, { recipients: ['eve@dst.example'] });
    // One of the two may have been said before, in this process.
    expect(told.filter((text) => text.includes('it delivers the message')).length).toBeLessThanOrEqual(1);
    expect(told.filter((text) => text.includes('it refuses the whole message'))).toHaveLength(1);
  });

  test('a body is replaced, by nothing too', async () => {
    expect(body(await send(on('eom', () => replaceBody('New\r\n'))))).toBe('New\r\n');
    expect(body(await send(on('eom', () => replaceBody(''))))).toBe('\r\n');
    expect(
      body(
        await send(
          on('eom', () =>
            replaceBody(
              (function* () {
                yield '';
              })(),
            ),
          ),
        ),
      ),
    ).toBe('\r\n');
  });

  test('a footer is put below the text', async () => {
    const footed = onMessage(async (_message, { draft }) => {
      await draft.appendText('-- \nSent');
    });
    expect((await send(footed)).message).toBe(`${MESSAGE}-- \r\nSent\r\n`);
  });

  test.each(['connect', 'helo', 'mail', 'rcpt'] as const)(
    'nothing more is seen after an accept() at %s',
    async (stage) => {
      const seen: string[] = [];
      const told = warnings();
      const accepting = compose(
        on(stage, () => accept()),
        observe(['mail', 'rcpt', 'header', 'body'], (event) => void seen.push(event.stage)),
        on('eom', () => addHeader('X-Seen', 'yes')),
      );
      const sent = await send(accepting, {}, { offer: [6, 0xff, 0] });
      expect(sent.message).toBe(MESSAGE);
      expect(seen.join()).toBe(stage === 'rcpt' ? 'mail' : '');
      expect(sent.errors).toEqual([]);
      expect(told.join()).toContain('is the last word');
    },
  );

  test('a message is discarded, and a session of the next one is its own', async () => {
    expect((await send(on('mail', () => discard()))).result).toBe('discarded');
    expect((await send(edited())).message).toContain('Subject: [x] Lunch?');
  });

  test('the filter of the README does its work', async () => {
    warnings();
    const sent = await send(filter, { recipients: ['info@example.org', 'bob@dst.example'] });
    expect(header(sent)).toContain('Subject: [external] Lunch?\r\n');
    expect(header(sent)).toContain('X-Filter: rxmilter\r\n');
    expect(sent.recipients).toEqual(['bob@dst.example', 'helpdesk@example.org']);
    expect(sent.errors).toEqual([]);
    const closed = await send(filter, { recipients: ['sales@example.org'] });
    expect(closed.reply).toBe('550 5.7.1 This mailbox is closed');
    expect((await send(filter, { user: 'alice' })).message).toContain('Subject: Lunch?\r\n');
  });

  test('a filter that cannot do without a right has all deferred, in words for the client', async () => {
    warnings();
    const sent = await send(requireRights(['SETSYMLIST'], edited()));
    expect(sent).toMatchObject({
      result: 'refused',
      reply: expect.stringMatching(/^451 4\.3\.5 /) as string,
    });
    expect(sent.errors).toEqual([
      expect.stringMatching(/^requireRights\(\) needs the right SETSYMLIST \(at stalwart/),
    ]);
  });

  test('what it does not grant in a smaller offer is skipped', async () => {
    warnings();
    const both = compose(
      edited(),
      on('eom', () => addHeader('X-Seen', 'yes')),
    );
    const sent = await send(both, {}, { offer: [6, 0x1, 0x42] }, { ungranted: 'skip' });
    expect(sent).toMatchObject({ result: 'delivered', message: `X-Seen: yes\r\n${MESSAGE}` });
    expect(sent.errors).toEqual([
      expect.stringMatching(/^changeHeader .* the MTA \(stalwart\) grants ADDHDRS\./),
    ]);
  });

  test('versions 2 and 6, and an end without a body, are answered', async () => {
    warnings();
    for (const version of [2, 6]) {
      expect((await send(edited(), {}, { offer: [version, 0xff, 0x42] })).message).toContain(
        'Subject: [x] Lunch?',
      );
    }
    expect(
      (
        await send(
          on('rcpt', () => undefined),
          {},
          { offer: [6, 0xff, 0x52] },
        )
      ).result,
    ).toBe('delivered');
  });
});

function edited(): Filter {
  return onMessage((message) =>
    edit(message, ({ headers }) => void headers.set('Subject', `[x] ${headers.get('Subject') ?? ''}`)),
  );
}
