import { simpleParser } from 'mailparser';
import { createHash, createHmac } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { serve } from 'rxmilter';
import { deliver, type ClientMail, type Delivery } from 'rxmilter/mta';
import { simulate } from 'rxmilter/testing';
import { describe, expect, onTestFinished, test, vi } from 'vitest';

import { runSnippet } from './support/run-snippet.js';
import { servingSnippet, type WithFilter } from './support/serving-snippet.js';
import { added, serving } from './support/serving.js';
import { temporaryDirectory } from './support/temporary-directory.js';

/** The delivered headers, as lines, but for the MTA's own. */
function lines({ headers }: Delivery): string[] {
  return headers.filter(({ name }) => name !== 'Received').map(({ name, value }) => `${name}: ${value}`);
}

function linesOfText(count: number): string {
  return Array.from({ length: count }, (_each, at) => `line ${at}\r\n`).join('');
}

/** A scanner that knows one virus. */
function findVirus(message: Uint8Array): Promise<string | undefined> {
  return Promise.resolve(Buffer.from(message).includes('EICAR') ? 'EICAR' : undefined);
}

const MAIL: ClientMail = {
  sender: 'alice@example.com',
  recipients: ['bob@example.org'],
  headers: [['Subject', 'hello']],
  body: 'Hello.\r\n',
};

describe('the guide, on whole messages', () => {
  test('on-message: loops are refused, other mail is counted', async () => {
    const send = await servingSnippet('on-message');
    const loop = Array.from({ length: 51 }, () => ['received', 'from elsewhere'] as const);
    expect((await send({ headers: loop })).reply.lines).toEqual(['Mail loop']);
    const { headers } = await send({ headers: loop.slice(1), recipients: ['b@c.test', 'd@e.test'] });
    expect(headers[0]).toMatchObject({ name: 'X-Recipients', value: '2' });
  });

  test('message: a whole body is scanned, and the message marked or refused', async () => {
    const scanned: string[] = [];
    const send = await servingSnippet('message', {
      findVirus: (body: Uint8Array) => {
        scanned.push(Buffer.from(body).toString());
        return findVirus(body);
      },
    });
    const body = linesOfText(50_000);
    const forged = ['X-SCANNED', 'clean, believe me'] as const;
    const delivery = await send({ body, headers: [forged, ['Subject', 'hello'], forged] });
    expect(lines(delivery)).toEqual(['Subject: hello', 'X-Scanned: clean']);
    expect(scanned).toEqual([body]);
    expect((await send({ body: 'EICAR' })).reply).toMatchObject({
      code: 550,
      lines: ['This message has a virus: EICAR'],
    });
  });

  test('message: costs one round trip, and one more over TCP', async () => {
    const { filter } = await runSnippet<WithFilter>('message', { findVirus });
    const mail = { ...MAIL, recipients: ['b@c.test', 'd@e.test'], body: linesOfText(50_000) };
    expect((await deliver(mail, { to: filter })).rounds).toBe(1);
    const server = await serve(filter, { listen: 'inet:0@127.0.0.1' });
    onTestFinished(() => server.destroy());
    expect((await deliver(mail, { to: server.address })).rounds).toBe(2);
  });

  test('message-source: what is written is the message', async () => {
    const directory = await temporaryDirectory();
    const { filter } = await runSnippet<WithFilter>(
      'message-source',
      {},
      { '/var/spool/my-filter': directory },
    );
    const headers = [['Subject', 'hello\n world']] as const;
    const mail = { ...MAIL, headers, macros: { i: 'QUEUE1' }, body: linesOfText(50_000) };
    expect((await deliver(mail, { to: filter })).outcome).toBe('delivered');
    const [file = '', ...others] = await readdir(directory);
    expect([file, others]).toEqual([expect.stringMatching(/^\d+-QUEUE1\.eml$/), []]);
    expect(await readFile(`${directory}/${file}`, 'utf8')).toBe(
      `Subject: hello\r\n world\r\n\r\n${mail.body}`,
    );
    // Nothing is written for somebody else, and without a directory the message is put off.
    expect((await deliver({ ...mail, recipients: ['a@b.test'] }, { to: filter })).outcome).toBe('delivered');
    expect(await readdir(directory)).toEqual([file]);
    const elsewhere = { '/var/spool/my-filter': `${directory}/gone` };
    const onError = vi.fn();
    const send = await serving((await runSnippet<WithFilter>('message-source', {}, elsewhere)).filter, {
      onError,
    });
    expect((await send(mail)).outcome).toBe('deferred');
    expect(onError.mock.calls).toEqual([
      [expect.objectContaining({ message: expect.stringContaining('ENOENT') }), expect.anything()],
    ]);
  });

  test('message-digest: the hash of a body', async () => {
    const log = vi.fn();
    const send = await servingSnippet('message-digest', { log });
    const body = linesOfText(50_000);
    expect((await send({ body, macros: { i: 'QUEUE1' } })).outcome).toBe('delivered');
    expect(log).toHaveBeenCalledExactlyOnceWith({
      queueId: 'QUEUE1',
      sha256: createHash('sha256').update(body).digest('hex'),
    });
  });

  test('message-prefix: the beginning is enough, and the body stays whole', async () => {
    const send = await servingSnippet('message-prefix');
    const body = `-----BEGIN PGP MESSAGE-----\r\n${linesOfText(50_000)}`;
    const encrypted = await send({ body });
    expect(added(encrypted)).toEqual(['X-Encrypted: PGP']);
    expect(encrypted.body.toString()).toBe(body);
    // At DATA, at the first piece of many, and at the end.
    expect(encrypted.rounds).toBe(3);
    expect(added(await send({ body: `${linesOfText(200)}${body}` }))).toEqual([]);
  });

  test('message-limits: what is too large is looked at in part', async () => {
    const send = await servingSnippet('message-limits', { findVirus });
    const large = `${linesOfText(150_000)}EICAR\r\n`;
    const delivery = await send({ body: large });
    expect(added(delivery)).toEqual(['X-Scanned: in part']);
    expect(delivery.body.toString()).toBe(large);
    expect(added(await send())).toEqual(['X-Scanned: clean']);
    expect((await send({ body: 'EICAR' })).quarantined).toBe('EICAR');
  });

  test('message-text: words, mailboxes and dates', async () => {
    const log = vi.fn();
    const send = await servingSnippet('message-text', { log });
    const written = (from: string): (readonly [string, string])[] => [
      ['Date', 'Thu, 26 Nov 2026 12:00:00 +0100'],
      ['From', from],
      ['Subject', '=?utf-8?Q?Gr=C3=BC=C3=9Fe?='],
    ];
    expect((await send({ headers: written('"Carol @ work" <carol@example.net>') })).outcome).toBe(
      'delivered',
    );
    expect(log).toHaveBeenCalledExactlyOnceWith({
      authors: [
        {
          name: 'Carol @ work',
          address: 'carol@example.net',
          local: 'carol',
          domain: 'example.net',
          mailbox: 'carol@example.net',
        },
      ],
      subject: 'Grüße',
      date: new Date('2026-11-26T11:00:00Z'),
    });
    const posing = 'Carol <carol@example.net>, "boss@example.org" <mallory@example.net>';
    expect((await send({ headers: written(posing) })).outcome).toBe('quarantined');
    expect((await send({ headers: written('"M@EXAMPLE.net" <m@example.net>') })).outcome).toBe('delivered');
    expect((await send({ headers: [] })).outcome).toBe('delivered');
  });

  test('addresses: compared and divided', async () => {
    const send = await servingSnippet('addresses');
    const recipients = [
      'INFO@xn--bcher-kva.example',
      'info@BÜCHER.example',
      'old-bob@bücher.example.',
      'bob@xn--bcher-kva.example',
      'old-bob@example.org',
    ];
    expect((await send({ recipients })).accepted.map(({ address }) => address)).toEqual(recipients.slice(3));
  });

  test('edit: the delivered message is the draft', async () => {
    for (const mta of ['postfix', 'sendmail'] as const) {
      const { filter } = await runSnippet<WithFilter>('edit');
      const delivery = await deliver(
        {
          ...MAIL,
          recipients: ['Info@EXAMPLE.org', 'bob@example.org'],
          headers: [
            ['X-Spam', 'one'],
            ['From', 'alice@example.com'],
            ['subject', '=?utf-8?Q?Gr=C3=BC=C3=9Fe?='],
            ['Date', 'Thu, 26 Nov 2026 12:00:00 +0100'],
            ['Message-Id', '<1@example.com>'],
            ['x-spam', 'two'],
          ],
        },
        { to: filter, mta },
      );
      expect(lines(delivery)).toEqual([
        'X-Checked-By: mx.example.org',
        'From: alice@example.com',
        expect.stringMatching(/^subject: (\[external\] )?=\?utf-8\?/i),
        'X-Original-Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=',
        'Date: Thu, 26 Nov 2026 12:00:00 +0100',
        'Message-Id: <1@example.com>',
      ]);
      expect(delivery.headers[0]?.name).toBe('X-Checked-By');
      expect(delivery.sender.address).toBe('bounces@example.org');
      expect(delivery.recipients.map(({ address }) => address).sort()).toEqual([
        'bob@example.org',
        'desk@example.org',
      ]);
    }
  });

  const FOOTER = '-- \nSent through example.org\n';
  const UTF8 = ['Content-Type', 'text/plain; charset="UTF-8"'] as const;
  const encoded = (encoding: string): [string, string] => ['Content-Transfer-Encoding', encoding];
  test.each([
    ['no MIME fields', [], 'Hello.\r\n', 'Hello.\n'],
    ['no line break at its end', [], 'Hello.', 'Hello.\n'],
    ['nothing in it', [], '', ''],
    ['8bit', [UTF8, encoded('8bit')], 'Grüße\r\n', 'Grüße\n'],
    ['quoted-printable', [UTF8, encoded('Quoted-Printable')], 'Gr=C3=BC=C3=9Fe =\r\ndu\r\n', 'Grüße du\n'],
    ['a soft line break at its end', [UTF8, encoded('quoted-printable')], 'Gr=C3=BC=\r\n', 'Grü\n'],
    ['an equals sign at its end', [UTF8, encoded('quoted-printable')], 'Gr=C3=BC=', 'Grü\n'],
    ['base64', [UTF8, encoded('base64')], 'R3LDvMOfZQ==\r\n', 'Grüße\n'],
    ['base64 in short lines', [UTF8, encoded(' BASE64 ')], 'R3LD\r\nvMOf\r\nZQ0K\r\n', 'Grüße\n'],
    [
      'Latin-1',
      [['Content-Type', 'text/plain; charset=iso-8859-1'], encoded('quoted-printable')],
      'Gr=FC=DFe\r\n',
      'Grüße\n',
    ],
  ] as const)('message-footer: comes below a body with %s', async (_name, fields, body, text) => {
    const send = await servingSnippet('message-footer');
    const { message } = await send({ body, headers: [['MIME-Version', '1.0'], ...fields] });
    const { text: read = '' } = await simpleParser(message);
    expect(read.replace(/\r/g, '')).toBe(text + FOOTER);
  });

  test('message-footer: comes below a body of any length, in lines that are not too long', async () => {
    const send = await servingSnippet('message-footer');
    const text = linesOfText(50_000);
    const footer = FOOTER.replace(/\n/g, '\r\n');
    expect((await send({ body: text })).body.toString()).toBe(`${text}${footer}`);
    const base64 = Buffer.from(text)
      .toString('base64')
      .replace(/.{1,76}/g, '$&\r\n');
    const { body } = await send({ body: base64, headers: [encoded('base64')] });
    expect(Buffer.from(body.toString(), 'base64').toString()).toBe(`${text}${footer}`);
    const lengths = body
      .toString()
      .split('\r\n')
      .map(({ length }) => length);
    expect(Math.max(...lengths)).toBe(76);
  });

  test('message-footer: says which message has none', async () => {
    const log = vi.fn();
    const send = await servingSnippet('message-footer', { log });
    const signed = [
      ['Content-Type', 'multipart/signed; boundary=x; protocol="application/pgp-signature"'],
    ] as const;
    const delivery = await send({ body: '--x\r\n\r\nHello.\r\n--x--\r\n', headers: signed });
    expect(delivery.modifications).toEqual([]);
    expect(log).toHaveBeenCalledWith({ queueId: expect.stringMatching(/^\w+$/), footer: 'none' });
  });

  test('message-later: what is signed is what is delivered', async () => {
    const send = await servingSnippet('message-later');
    const delivery = await send({ body: linesOfText(3) });
    const [subject, signature] = lines(delivery);
    expect(subject).toBe('Subject: [external] hello');
    const hmac = createHmac('sha256', 'a secret').update('[external] hello').update(delivery.body);
    expect(signature).toBe(`X-Signature: ${hmac.digest('base64')}`);
  });

  test('message-stream: reads as it arrives, and refuses before the end', async () => {
    const send = await servingSnippet('message-stream');
    const body = linesOfText(150_000);
    const hash = createHash('sha256').update(body).digest('hex');
    expect(added(await send({ body }))).toEqual([`X-Body-SHA256: ${hash}`]);
    const refused = await send({ body, sender: '' });
    expect(refused.reply.lines).toEqual(['No report is as long as that']);
    const pieces = refused.transcript.filter(({ sent }) => sent.some(({ type }) => type === 'body'));
    // As many as a million bytes are, and one more at most.
    expect(pieces.length).toBeGreaterThanOrEqual(16);
    expect(pieces.length).toBeLessThanOrEqual(17);
    expect(Math.ceil(body.length / 65_535)).toBeGreaterThan(20);
  });

  test('message-scan: one piece after the other, until a virus is found', async () => {
    let scanned = 0;
    const send = await servingSnippet('message-scan', {
      findVirus: (chunk: Uint8Array) => {
        scanned++;
        return findVirus(chunk);
      },
    });
    const text = linesOfText(50_000);
    expect(await send({ body: text })).toMatchObject({ outcome: 'delivered', quarantined: undefined });
    const all = scanned;
    expect(all).toBeGreaterThan(2);
    const infected = await send({ body: `EICAR\r\n${text}` });
    expect(infected.quarantined).toBe('EICAR');
    expect(infected.body.toString()).toBe(`EICAR\r\n${text}`);
    expect(scanned).toBe(all + 1);
  });

  test('message: a scan is cancelled when the connection is lost', async () => {
    const asked = vi.fn<(body: Uint8Array, signal: AbortSignal) => Promise<never>>(
      () => new Promise(() => undefined),
    );
    const { filter } = await runSnippet<WithFilter>('message', { findVirus: asked });
    const mta = await simulate(filter);
    const told = mta.eom();
    await vi.waitFor(() => {
      expect(asked).toHaveBeenCalledOnce();
    });
    mta.hangUp();
    expect((await told).verdict).toBe('lost');
    expect(asked.mock.calls[0]?.[1].aborted).toBe(true);
  });
});
