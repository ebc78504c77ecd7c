import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  addHeader,
  compose,
  edit,
  observe,
  on,
  onMessage,
  reject,
  replaceBody,
  tempfail,
  type Filter,
} from 'rxmilter';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { openIn } from '../../message/support/descriptors.js';
import { describeMtas } from '../support/describe-mtas.js';
import { eventually } from '../support/eventually.js';
import { Gate } from '../support/gate.js';
import { maskReceived, RECEIVED } from '../support/mask-received.js';

/** Fields that Sendmail makes where they are missing. */
const OWN =
  'From: Alice <alice@src.example>\r\nDate: Thu, 26 Nov 2026 00:00:00 +0000\r\nMessage-ID: <1@src.example>\r\n';
const HEADER = `${OWN}Subject: hello\r\nX-A: 1\r\nX-A: 2\r\n`;

/** A body of lines, no two of which are the same. */
function lines(bytes: number): Buffer {
  const text: string[] = [];
  for (let size = 0, at = 0; size < bytes; at++) {
    const line = `${at}: ${'abcdefghij '.repeat(6)}end\r\n`;
    text.push(line);
    size += line.length;
  }
  return Buffer.from(text.join(''));
}

function letter(body: string | Buffer, header = HEADER): Buffer {
  return Buffer.concat([Buffer.from(`${header}\r\n`), Buffer.from(body)]);
}

/** Compares without printing megabytes. */
function expectSame(actual: Uint8Array, expected: Uint8Array): void {
  const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
  expect([actual.length, digest(actual)]).toEqual([expected.length, digest(expected)]);
}

function bodyOf(data: Buffer): Buffer {
  return data.subarray(data.indexOf('\r\n\r\n') + 4);
}

describeMtas('onMessage', (bench) => {
  let directory = '';

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'rxmilter-test-'));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  /** Nothing of a message may be left. */
  async function expectNothingLeft(): Promise<void> {
    expect(readdirSync(directory)).toEqual([]);
    await eventually('files to be closed', () => openIn(directory).length === 0);
  }

  test('is told all of a message, and what it changes arrives', async () => {
    let seen: unknown;
    await bench().serve(
      onMessage(async (message) => {
        const { client, helo, queueId, auth, tls, sender, recipients, headers, body } = message;
        seen = {
          client: client.address,
          helo,
          queueId: queueId !== undefined,
          auth,
          tls,
          sender: [sender.address, sender.local, sender.domain, sender.params.SIZE],
          recipients: recipients.map(({ address, params }) => [address, params]),
          subject: headers.get('subject'),
          body: await body.text(),
        };
        return edit(message, (draft) => {
          draft.headers.set('Subject', '[external] hello');
          draft.headers.prepend('X-Top', 'first');
          draft.headers.delete('X-A', 1);
          draft.headers.append('X-Last', 'last');
          draft.recipients.delete('carol@dst.example');
          draft.recipients.add('dora@dst.example');
          draft.sender = 'bounces@src.example';
          draft.body = 'Other body\r\n';
        });
      }),
    );
    const client = await bench().greeted();
    const reply = await client.deliver({
      mail: '<alice@src.example> SIZE=1000',
      rcpts: ['<bob@dst.example>', '<carol@dst.example>'],
      data: letter('.A body\r\n'),
    });
    expect(reply).toMatch(/^250 /);
    expect(seen).toEqual({
      client: '127.0.0.1',
      helo: 'client.example',
      queueId: true,
      auth: undefined,
      tls: undefined,
      sender: ['alice@src.example', 'alice', 'src.example', '1000'],
      recipients: [
        ['bob@dst.example', {}],
        ['carol@dst.example', {}],
      ],
      subject: 'hello',
      body: '.A body\r\n',
    });
    const { mail, rcpts, data } = await bench().sink.next();
    expect(mail).toMatch(/^<bounces@src\.example>/);
    expect(rcpts.map((rcpt) => rcpt.split(' ')[0]).sort()).toEqual([
      '<bob@dst.example>',
      '<dora@dst.example>',
    ]);
    expect(maskReceived(data)).toBe(
      `X-Top: first\r\n${RECEIVED}${OWN}Subject: [external] hello\r\nX-A: 2\r\nX-Last: last\r\n\r\nOther body\r\n`,
    );
  });

  test('has a second one see what the first has changed, and a third undo it', async () => {
    const seen: string[] = [];
    const first = onMessage((message) =>
      edit(message, (draft) => {
        draft.headers.set('Subject', 'changed');
        draft.headers.prepend('X-First', '1');
        draft.body = (async function* () {
          for await (const piece of message.body) yield Buffer.from(piece).toString().toUpperCase();
        })();
      }),
    );
    const second = onMessage(async ({ headers, body }) => {
      seen.push(`${headers.get('Subject') ?? ''} ${await body.text()}`);
      return addHeader('X-Digest', `${(await body.bytes()).length}`);
    });
    const third = onMessage((message) =>
      edit(message, (draft) => {
        draft.headers.set('Subject', 'hello');
        draft.headers.delete('X-First');
      }),
    );
    await bench().serve(compose(first, second, third));
    const client = await bench().greeted();
    expect(await client.deliver({ data: letter('one\r\n') })).toMatch(/^250 /);
    expect(seen).toEqual(['changed ONE\r\n']);
    const { data } = await bench().sink.next();
    expect(maskReceived(data)).toBe(`${RECEIVED}${HEADER}X-Digest: 5\r\n\r\nONE\r\n`);
  });

  test('does not have the recipients that were refused, before it, behind it, or by the MTA', async () => {
    const seen: string[] = [];
    await bench().serve(
      compose(
        on('rcpt', ({ address }) => (address.startsWith('early') ? reject() : undefined)),
        onMessage(
          { body: 'none' },
          ({ recipients }) => void seen.push(...recipients.map(({ address }) => address)),
        ),
        on('rcpt', ({ address }) => (address.startsWith('late') ? tempfail() : undefined)),
      ),
      { rejectedRecipients: true },
    );
    const client = await bench().greeted();
    await client.command('MAIL FROM:<alice@src.example>');
    expect(await client.command('RCPT TO:<early@dst.example>')).toMatch(/^550 /);
    expect(await client.command('RCPT TO:<late@dst.example>')).toMatch(/^45\d /);
    expect(await client.command('RCPT TO:<bob@dst.example>')).toMatch(/^250 /);
    expect(await client.command('DATA')).toMatch(/^354 /);
    expect(await client.content(letter('one\r\n'))).toMatch(/^250 /);
    expect(seen).toEqual(['bob@dst.example']);
    expect((await bench().sink.next()).rcpts).toHaveLength(1);
  });

  test('is refused beyond a limit, and the next message on the connection passes', async () => {
    await bench().serve(
      onMessage({ limits: { bodyBytes: 1000, headers: 10 } }, ({ body }) =>
        addHeader('X-Size', `${body.size}`),
      ),
    );
    const client = await bench().greeted();
    expect(await client.deliver({ data: letter(lines(200_000)) })).toMatch(/^552 5\.3\.4 /);
    expect(await client.deliver({ data: letter('short\r\n', `${OWN}${'X-B: 1\r\n'.repeat(10)}`) })).toMatch(
      /^552 5\.3\.4 /,
    );
    expect(await client.deliver({ data: letter('short\r\n') })).toMatch(/^250 /);
    expect(String((await bench().sink.next()).data)).toContain('X-Size: 7\r\n');
  });

  test('is shown a prefix of a large body, and the rest is not sent', async () => {
    const body = lines(1_000_000);
    const wire: string[] = [];
    const prefix = (size: number): Filter =>
      onMessage({ maxBytes: size }, async (message) => {
        expectSame(await message.body.bytes(), body.subarray(0, size));
        return addHeader('X-Complete', `${message.body.complete}`);
      });
    await bench().serve(prefix(100_000), {
      trace: ({ name, last }) => {
        if (last && (name === 'body' || name === 'skip')) wire.push(name);
      },
    });
    const client = await bench().greeted();
    expect(await client.deliver({ data: letter(body) })).toMatch(/^250 /);
    const { data } = await bench().sink.next();
    expect(String(data.subarray(0, 2000)).match(/X-Complete: false/g)).toHaveLength(1);
    expectSame(bodyOf(data), body);
    expect(wire).toEqual(['body', 'body', 'skip']);
  });

  test('keeps a large body in a file, gives it back changed, and leaves nothing', async () => {
    const body = lines(5_000_000);
    const files: number[] = [];
    await bench().serve(
      compose(
        onMessage({ directory }, (message) => {
          files.push(openIn(directory).length);
          return edit(message, (draft) => {
            draft.headers.set('Subject', 'large');
            draft.body = message.body
              .readable()
              .map((piece: Buffer) => Buffer.from(piece).map((byte) => (byte === 0x61 ? 0x41 : byte)));
          });
        }),
        onMessage({ directory }, ({ body: changed }) => {
          files.push(openIn(directory).length);
          return replaceBody(changed);
        }),
      ),
    );
    const client = await bench().greeted();
    expect(await client.deliver({ data: letter(body) })).toMatch(/^250 /);
    const { data } = await bench().sink.next();
    expectSame(
      bodyOf(data),
      body.map((byte) => (byte === 0x61 ? 0x41 : byte)),
    );
    // Each has what came in a file of its own, and the second what the first has made of it.
    expect(files).toEqual([2, 3]);
    await expectNothingLeft();
  });

  test('reads a large body as a stream, slowly, and misses nothing of it', async () => {
    const body = lines(1_000_000);
    const hash = createHash('sha256');
    await bench().serve(
      onMessage({ body: 'stream' }, async (message) => {
        for await (const piece of message.body) {
          await new Promise((resolve) => setTimeout(resolve, 5));
          hash.update(piece);
        }
        return addHeader('X-Digest', hash.digest('hex'));
      }),
    );
    const client = await bench().greeted();
    expect(await client.deliver({ data: letter(body) })).toMatch(/^250 /);
    const { data } = await bench().sink.next();
    expect(String(data.subarray(0, 2000))).toContain(
      `X-Digest: ${createHash('sha256').update(body).digest('hex')}\r\n`,
    );
    expectSame(bodyOf(data), body);
  });

  test('says a refusal in the middle of a stream, and the client hears it', async () => {
    let pieces = 0;
    await bench().serve(
      onMessage({ body: 'stream' }, async (message) => {
        for await (const _piece of message.body)
          if (++pieces === 2) return reject({ code: 550, text: 'Enough' });
        return undefined;
      }),
    );
    const client = await bench().greeted();
    expect(await client.deliver({ data: letter(lines(1_000_000)) })).toMatch(/^550 .*Enough/);
    expect(pieces).toBe(2);
    expect(await client.deliver({ data: letter('short\r\n') })).toMatch(/^250 /);
    await bench().sink.next();
  });

  test('puts a message off whose file cannot be made, and says why', async () => {
    await bench().serve(onMessage({ directory: join(directory, 'missing') }, () => undefined));
    const client = await bench().greeted();
    expect(await client.deliver({ data: letter(lines(1_000_000)) })).toMatch(/^4\d\d /);
    expect(bench().errors.map(String)).toEqual([
      expect.stringMatching(/could not be made in .*missing: ENOENT/),
    ]);
    bench().errors = [];
    expect(await client.deliver({ data: letter('short\r\n') })).toMatch(/^250 /);
    await bench().sink.next();
  });

  test('leaves nothing of a message that is reset, or whose client vanishes', async () => {
    const gate = new Gate();
    let aborted = 0;
    const project = onMessage({ directory, limits: { memory: 0 } }, async (_message, { signal }) => {
      signal.addEventListener('abort', () => aborted++);
      await gate.pass();
    });
    await bench().serve(
      compose(
        observe('abort', () => undefined),
        project,
      ),
    );

    const resetting = await bench().greeted();
    await resetting.command('MAIL FROM:<alice@src.example>');
    await resetting.command('RCPT TO:<bob@dst.example>');
    expect(await resetting.command('RSET')).toMatch(/^250 /);

    // Half a message, and then nothing: what the MTA has of it the filter may have, too.
    const vanishing = await bench().greeted();
    await vanishing.command('MAIL FROM:<alice@src.example>');
    await vanishing.command('RCPT TO:<bob@dst.example>');
    expect(await vanishing.command('DATA')).toMatch(/^354 /);
    vanishing.write(letter(lines(300_000)));
    vanishing.destroy();

    // A whole one, whose client is gone while it is decided: the MTA waits for the answer all the same.
    const leaving = await bench().greeted();
    const reply = leaving.deliver({ data: letter(lines(300_000)) }).catch(() => 'gone');
    await eventually('the filter to be asked', () => gate.waiting > 0);
    expect(openIn(directory)).toHaveLength(1);
    leaving.destroy();
    gate.open();
    expect(await reply).toBe('gone');
    await eventually('files to be closed', () => openIn(directory).length === 0);
    await expectNothingLeft();

    expect(await resetting.deliver({ data: letter(lines(300_000)) })).toMatch(/^250 /);
    await expectNothingLeft();
    expect(aborted).toBe(0);
  });
});
