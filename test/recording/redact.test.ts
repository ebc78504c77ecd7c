import { compose, observe, on, reject, addHeader, changeSender, replaceBody } from 'rxmilter';
import type { Redaction } from 'rxmilter/recording';
import { describe, expect, it } from 'vitest';

import { Redactor } from '../../src/recording/redactor.js';
import type { Command } from '../../src/transport/wire/commands.js';
import { recorded } from './support.js';

const filter = compose(
  on(
    'rcpt',
    ({ address }) =>
      address.startsWith('mallory@') && reject(`<${address}> is no user of client.secret.example`),
  ),
  observe(['header', 'body'], () => undefined),
  on('eom', () => [
    addHeader('X-Via', 'seen by alice@example.com'),
    changeSender('alice@example.com'),
    replaceBody('My secret.\r\n'),
  ]),
);

const MAIL = {
  client: { host: 'client.secret.example', family: 'inet', port: 4000, address: '192.0.2.77' },
  helo: 'client.secret.example',
  headers: [
    ['From', 'Alice <alice@example.com>'],
    ['Subject', 'My secret,\n\tfolded'],
  ],
  body: 'The secret.\n',
  macros: { '{auth_authen}': 'alice-login' },
} as const;

function redact(what: Redaction, message: Command): Command {
  return new Redactor(what).redact({ ms: 0, from: 'mta', message }).message as Command;
}

describe('redaction', () => {
  it('leaves everything in by default', async () => {
    const { text } = await recorded(filter, MAIL);
    for (const known of ['alice', 'secret', '192.0.2.77', 'The secret.']) expect(text).toContain(known);
  });

  it('of addresses leaves none of them anywhere but in the body, and names each the same everywhere', async () => {
    const { text, session } = await recorded(filter, MAIL, { redact: { addresses: true } });
    const outside = text.split('\n').filter((line) => !/"type":"(body|replaceBody)"/.test(line));
    for (const known of [
      'alice',
      'bob',
      'mallory',
      'example.com',
      'example.org',
      '192.0.2.77',
      'client.secret',
    ]) {
      expect(outside.join('\n')).not.toContain(known);
    }
    expect(text).toContain('The secret.');
    const texts = session.frames.map(({ message }) => JSON.stringify(message));
    const [, sender] =
      /"type":"mail","address":"<(user\d+@domain\d+\.example)>"/.exec(texts.join('\n')) ?? [];
    expect(sender).toBeDefined();
    expect(texts.filter((one) => one.includes(String(sender))).length).toBeGreaterThan(3);
  });

  it('of content leaves the form of headers and body, and no word of them', async () => {
    const { text, session } = await recorded(filter, MAIL, { redact: { content: true } });
    for (const known of ['My secret', 'The secret', 'seen by']) expect(text).not.toContain(known);
    expect(text).toContain('alice@example.com');
    const messages = session.frames.map(({ message }) => message);
    expect(messages).toContainEqual(
      expect.objectContaining({ type: 'header', name: 'Subject', value: 'xx xxxxxxx\n\txxxxxx' }),
    );
    expect(messages).toContainEqual({ type: 'body', data: Buffer.from('xxx xxxxxxx\r\n') });
    expect(messages).toContainEqual({ type: 'replaceBody', data: Buffer.from('xx xxxxxxx\r\n') });
  });

  it('of both leaves neither', async () => {
    const { text } = await recorded(filter, MAIL, { redact: { addresses: true, content: true } });
    for (const known of ['alice', 'secret', 'bob', '192.0.2.77']) expect(text).not.toContain(known);
  });

  it.each<[string, Command, Command]>([
    [
      'an IPv4 client',
      { type: 'connect', host: '[203.0.113.9]', family: 'inet', port: 25, address: '203.0.113.9' },
      { type: 'connect', host: '[192.0.2.1]', family: 'inet', port: 25, address: '192.0.2.1' },
    ],
    [
      'an IPv6 client as Sendmail writes it',
      {
        type: 'connect',
        host: '[IPv6:2001:db9::25]',
        family: 'inet6',
        port: 25,
        address: 'IPv6:2001:db9::25',
      },
      { type: 'connect', host: '[IPv6:2001:db8::1]', family: 'inet6', port: 25, address: 'IPv6:2001:db8::1' },
    ],
    [
      'the null sender',
      { type: 'mail', address: '<>', args: ['SIZE=10'] },
      { type: 'mail', address: '<>', args: ['SIZE=10'] },
    ],
    [
      'an argument with an address',
      { type: 'rcpt', address: '<a@b.test>', args: ['ORCPT=rfc822;a@b.test', 'NOTIFY=NEVER'] },
      {
        type: 'rcpt',
        address: '<user1@domain1.example>',
        args: ['ORCPT=rfc822;user1@domain1.example', 'NOTIFY=NEVER'],
      },
    ],
    [
      'macros',
      {
        type: 'macro',
        target: 'M',
        macros: [
          ['i', '4XyZ'],
          ['{mail_addr}', 'a@b.test'],
          ['{mail_host}', 'b.test.'],
          ['{auth_authen}', 'a'],
          ['_', 'x.b.test [198.51.100.4]'],
          ['empty', undefined],
        ],
      },
      {
        type: 'macro',
        target: 'M',
        macros: [
          ['i', '4XyZ'],
          ['{mail_addr}', 'user1@domain1.example'],
          ['{mail_host}', 'domain1.example.'],
          ['{auth_authen}', 'user1'],
          ['_', 'domain2.example [192.0.2.1]'],
          ['empty', undefined],
        ],
      },
    ],
    [
      'a local part in quotation marks',
      { type: 'mail', address: '<"a.b@c"@d.test>', args: ['AUTH=a+40d'] },
      { type: 'mail', address: '<user1@domain1.example>', args: ['AUTH=user2'] },
    ],
    [
      'a recipient without a domain',
      { type: 'rcpt', address: 'root', args: ['ORCPT=rfc822;root'] },
      { type: 'rcpt', address: 'user1', args: ['ORCPT=rfc822;user1'] },
    ],
    [
      'a source route, which is left out',
      { type: 'rcpt', address: '<@x.test,@y.test:a@b.test>', args: [] },
      { type: 'rcpt', address: '<user1@domain1.example>', args: [] },
    ],
    [
      'an address at a domain literal',
      { type: 'rcpt', address: '<a@[10.0.0.1]>', args: [] },
      { type: 'rcpt', address: '<user1@[192.0.2.1]>', args: [] },
    ],
    ['a question for a user', { type: 'unknown', text: 'VRFY a' }, { type: 'unknown', text: 'VRFY user1' }],
    [
      'the macros of Sendmail for mail that stays there, and of a certificate',
      {
        type: 'macro',
        target: 'R',
        macros: [
          ['{mail_addr}', 'a'],
          ['{rcpt_addr}', 'b'],
          ['{rcpt_mailer}', 'local'],
          ['{cert_subject}', '/CN=A B'],
        ],
      },
      {
        type: 'macro',
        target: 'R',
        macros: [
          ['{mail_addr}', 'user1'],
          ['{rcpt_addr}', 'user2'],
          ['{rcpt_mailer}', 'local'],
          ['{cert_subject}', 'user3'],
        ],
      },
    ],
    [
      'what is said to a rejected recipient, which is no address',
      { type: 'macro', target: 'R', macros: [['{rcpt_addr}', '550 5.1.1 <a@b.test>: unknown']] },
      { type: 'macro', target: 'R', macros: [['{rcpt_addr}', '550 5.1.1 <user1@domain1.example>: unknown']] },
    ],
    [
      'addresses in a header, but not the time of the day',
      { type: 'header', name: 'X', value: '"a b"@c.test [::ffff:1.2.3.4] 1.2.3.4: at 12:34:56' },
      {
        type: 'header',
        name: 'X',
        value: 'user1@domain1.example [2001:db8::1] 192.0.2.2: at 12:34:56',
      },
    ],
  ])('of addresses knows %s', (_what, message, expected) => {
    expect(redact({ addresses: true }, message)).toEqual(expected);
  });

  it('of addresses finds the names of hosts as whole words, in capitals and below them, too', () => {
    const redactor = new Redactor({ addresses: true });
    const value = (message: Command): unknown => redactor.redact({ ms: 0, from: 'mta', message }).message;
    value({ type: 'helo', text: 'b' });
    value({ type: 'helo', text: 'Client.Test' });
    expect(
      value({ type: 'header', name: 'X', value: 'from CLIENT.test (a.client.TEST), a body by b' }),
    ).toMatchObject({ value: 'from domain2.example (a.domain2.example), a body by domain1.example' });
  });

  it.each(['x'.repeat(60_000), 'q.'.repeat(30_000), '"\\'.repeat(20_000), '-:'.repeat(30_000)])(
    'of addresses reads each part of a long header a bounded number of times (%#)',
    (value) => {
      // What is read again from each of its characters takes seconds: more than the test has.
      const redactor = new Redactor({ addresses: true });
      for (let at = 0; at < 20; at++) {
        const message: Command = { type: 'header', name: 'X', value };
        expect(redactor.redact({ ms: 0, from: 'mta', message }).message).toMatchObject({ value });
      }
    },
  );

  it('names the recipients that a filter adds or takes away like those of the message', () => {
    const redactor = new Redactor({ addresses: true });
    redactor.redact({ ms: 0, from: 'mta', message: { type: 'rcpt', address: '<root>', args: [] } });
    expect(
      redactor.redact({ ms: 0, from: 'filter', message: { type: 'deleteRecipient', text: '<root>' } })
        .message,
    ).toEqual({ type: 'deleteRecipient', text: '<user1>' });
  });

  it('does not leave in the bytes what the text no longer says', () => {
    const message: Command = { type: 'helo', text: 'a.test', raw: Buffer.from('a.test') };
    expect(redact({ addresses: true }, message)).toEqual({ type: 'helo', text: 'domain1.example' });
  });
});
