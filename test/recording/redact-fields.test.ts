import { record, type Redaction } from 'rxmilter/recording';
import { describe, expect, it } from 'vitest';

import { Redactor } from '../../src/recording/redactor.js';
import type { Command } from '../../src/transport/wire/commands.js';
import type { WireReply } from '../../src/transport/wire/replies.js';

/** In each field of a frame that may name a user, or have content of the mail. */
const WHO = 'whosecret';
const WHAT = 'whatsecret';
const SECRET = 'passwordsecret';

const raw = Buffer.alloc(0);

/** With the bytes of all its text. */
function withBytes<M extends object>(message: M): M {
  return 'raw' in message ? { ...message, raw: Buffer.from(JSON.stringify(message)) } : message;
}

/** Each frame that carries anything, with markers in every field that comes from outside. */
const FROM_MTA = (
  [
    { type: 'connect', host: WHO, family: 'inet', port: 25, address: '10.9.8.7', raw },
    { type: 'connect', host: `[10.9.8.7] ${WHO}`, family: 'inet', port: 25, address: '10.9.8.7', raw },
    { type: 'connect', host: `domain1.example.${WHO}.test`, family: 'unix', port: 0, address: `/run/${WHO}` },
    { type: 'connect', host: `192.0.2.${WHO}.test`, family: 'unknown', port: 0, address: '' },
    { type: 'helo', text: `[${WHO}]`, raw },
    { type: 'helo', text: WHO, raw },
    {
      type: 'mail',
      address: `<${WHO}@${WHO}.test>`,
      args: [`AUTH=${WHO}`, `ENVID=${WHO}`, `X-NEW=${WHO}`, WHO],
      raw,
    },
    { type: 'rcpt', address: `<"${WHO} x"@[10.9.8.7]>`, args: [`ORCPT=rfc822;${WHO}`, `ORCPT=${WHO}`], raw },
    { type: 'rcpt', address: WHO, args: [`ORCPT=${WHO};${WHO}@${WHO}.test`], raw },
    ...['X-Original-To', 'Delivered-To', 'Return-Path', 'Envelope-To'].flatMap((name): Command[] => [
      { type: 'header', name, value: ` ${WHO}`, raw },
      { type: 'header', name, value: `<${WHO}>`, raw },
    ]),
    { type: 'header', name: 'Received', value: `for <${WHO}@x.test> smtp.mailfrom=${WHO}@x.test`, raw },
    { type: 'header', name: 'List-Id', value: `owner-${WHO}=${WHO}.test@lists.test`, raw },
    { type: 'header', name: 'Subject', value: WHAT, raw },
    { type: 'body', data: Buffer.from(WHAT) },
    { type: 'eom', data: Buffer.from(WHAT) },
    { type: 'unknown', text: `AUTH PLAIN ${SECRET}`, raw },
    { type: 'unknown', text: `auth login ${SECRET}`, raw },
    { type: 'unknown', text: SECRET, raw },
    { type: 'unknown', text: `XCLIENT LOGIN=${SECRET}`, raw },
    ...[
      ...['j', 's', 'f', '_', '{client_name}', '{client_ptr}', '{if_name}', '{daemon_name}', 'client_name'],
      ...['{mail_addr}', '{rcpt_addr}', '{mail_host}', '{rcpt_host}', '{auth_authen}', '{auth_author}'],
      ...['{cert_subject}', '{cert_issuer}', '{cn_subject}', '{cn_issuer}', '{of_the_configuration}'],
    ].map((name): Command => {
      const value = name === '_' ? `${WHO}@${WHO}.test [10.9.8.7]` : WHO;
      return { type: 'macro', target: 'R', macros: [[name, value]] };
    }),
    {
      type: 'macro',
      target: 'R',
      macros: [
        ['{client_addr}', '10.9.8.7'],
        ['{msg_id}', `<${WHAT}>`],
      ],
    },
  ] satisfies Command[]
).map(withBytes);

const FROM_FILTER = (
  [
    { type: 'replycode', text: `550 5.1.1 <${WHO}@x.test>: unknown`, raw },
    { type: 'quarantine', text: `from ${WHO}@x.test`, raw },
    { type: 'addHeader', name: 'X-Original-To', value: WHO, raw },
    { type: 'addHeader', name: 'X', value: WHAT, raw },
    { type: 'insertHeader', index: 1, name: 'X', value: `${WHO}@x.test`, raw },
    { type: 'insertHeader', index: 1, name: 'X', value: WHAT, raw },
    { type: 'changeHeader', index: 1, name: 'X', value: `${WHO}@x.test`, raw },
    { type: 'changeHeader', index: 1, name: 'X', value: WHAT, raw },
    { type: 'replaceBody', data: Buffer.from(WHAT) },
    { type: 'addRecipient', text: `<${WHO}@x.test>`, raw },
    { type: 'addRecipientPar', address: `<${WHO}>`, args: [`ORCPT=rfc822;${WHO} NOTIFY=NEVER`], raw },
    { type: 'deleteRecipient', text: WHO, raw },
    { type: 'changeSender', address: `<${WHO}@x.test>`, args: [`AUTH=${WHO} ENVID=${WHO}`], raw },
  ] satisfies WireReply[]
).map(withBytes);

function redacted(what: Redaction, message: Command | WireReply): string {
  const redactor = new Redactor(what);
  const from = (FROM_MTA as readonly unknown[]).includes(message) ? 'mta' : 'filter';
  const frame = redactor.redact({ ms: 0, from, message } as Parameters<Redactor['redact']>[0]);
  return JSON.stringify(frame.message, (_, value: unknown) =>
    typeof value === 'object' && value !== null && 'data' in value && Array.isArray(value.data)
      ? Buffer.from(value.data as number[]).toString('latin1')
      : value,
  );
}

const ALL: readonly (readonly [string, Command | WireReply])[] = [...FROM_MTA, ...FROM_FILTER].map(
  (message) => [JSON.stringify(message).slice(0, 90), message],
);

describe('redaction of every field of every frame', () => {
  it.each(ALL)('of addresses leaves no user in %s', (_text, message) => {
    const text = redacted({ addresses: true }, message);
    expect(text).not.toContain(WHO);
    expect(text).not.toContain('10.9.8.7');
    expect(text).not.toContain(SECRET);
  });

  it.each(ALL)('of content leaves no word of the mail in %s', (_text, message) => {
    const text = redacted({ content: true }, message);
    expect(text).not.toContain(WHAT);
    expect(text).not.toContain(SECRET);
  });

  it.each(ALL)('of both leaves neither in %s', (_text, message) => {
    const text = redacted({ addresses: true, content: true }, message);
    for (const marker of [WHO, WHAT, SECRET, '10.9.8.7']) expect(text).not.toContain(marker);
  });

  it.each([
    ['AUTH PLAIN AGFsaWNlAHNlY3JldA==', 'AUTH xxxxx xxxxxxxxxxxxxxxxxxxx'],
    ['STARTTLS', 'STARTTLS'],
    ['AUTHENTICATE me', 'xxxxxxxxxxxx xx'],
  ])('keeps of the command %j its name alone', (text, expected) => {
    for (const what of [{ addresses: true }, { content: true }]) {
      expect(
        new Redactor(what).redact({ ms: 0, from: 'mta', message: { type: 'unknown', text } }).message,
      ).toEqual({
        type: 'unknown',
        text: expected,
      });
    }
  });

  it.each(['SIZE=1000', 'BODY=8BITMIME', 'RET=HDRS', 'NOTIFY=SUCCESS,FAILURE', 'SMTPUTF8'])(
    'keeps the argument %s, which is about no user',
    (arg) => {
      expect(redacted({ addresses: true }, { type: 'mail', address: '<>', args: [arg] })).toContain(arg);
    },
  );

  it('is what record() does', () => {
    const lines: string[] = [];
    const trace = record((line) => lines.push(line), { redact: { content: true } });
    const session = { id: '1' } as Parameters<typeof trace>[0]['session'];
    trace({
      session,
      from: 'mta',
      name: 'unknown',
      data: Buffer.from(`AUTH PLAIN ${SECRET}\0`),
      last: true,
    } as never);
    expect(lines.join('')).toContain('"AUTH xxxxx xxxxxxxxxxxxxx"');
  });
});
