import { accept, tempfail, addHeader, addRecipient, insertHeader, quarantine, replaceBody } from 'rxmilter';
import * as events from 'rxmilter/testing';
import { describe, expect, it } from 'vitest';

import { describeValue } from '../../src/testing/describe-value.js';

const { body, connect, data, eom, header, helo, mail, rcpt, replyTo, unknown } = events;

describe('a value in a line', () => {
  const values: readonly (readonly [unknown, string])[] = [
    [connect('192.0.2.1', { host: 'a.example' }), 'connect a.example [192.0.2.1]'],
    [helo('a.example'), 'helo a.example'],
    [mail(''), 'mail <>'],
    [rcpt('a@b.test', { args: ['NOTIFY=NEVER'] }), 'rcpt <a@b.test> NOTIFY=NEVER'],
    [data(), 'data'],
    [header('Subject', 'one\n two'), 'header Subject: "one\\n two"'],
    [body('x\r\n'), 'body "x\\r\\n"'],
    [body('x'.repeat(200)), `body "${'x'.repeat(120)}…"`],
    [eom({ modifications: [addHeader('X', 'y')] }), 'eom + addHeader X "y"'],
    [unknown('XYZZY'), 'unknown XYZZY'],
    [
      replyTo(rcpt('a@b.test'), tempfail({ text: ['one', 'two'] })),
      'reply to rcpt <a@b.test>: tempfail 451 4.7.1 one / two',
    ],
    [
      replyTo(eom({ modifications: [addHeader('X', 'y')] }), accept(), [
        insertHeader(2, 'A', 'b'),
        addRecipient('c@d.test', ['NOTIFY=NEVER']),
        quarantine('why'),
        replaceBody(['piece']),
      ]),
      'reply to eom: accept + addHeader X "y" + insertHeader 2 A "b" + addRecipient "<c@d.test>" NOTIFY=NEVER' +
        ' + quarantine "why" + replaceBody a stream',
    ],
    [{ stage: 'elsewhere' }, "{ stage: 'elsewhere' }"],
    [{ stage: 'reply' }, "{ stage: 'reply' }"],
    [[1, 'a'], "[ 1, 'a' ]"],
  ];

  it.each(values.map(([value, text]) => [text, value] as const))('is %s', (text, value) => {
    expect(describeValue(value)).toBe(text);
  });
});
