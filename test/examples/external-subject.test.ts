import { BlockList } from 'node:net';
import { compose, changeHeader, on } from 'rxmilter';
import { deliver, type ClientMail, type MailHeader } from 'rxmilter/mta';
import { describe, expect, it } from 'vitest';

import { externalSubject } from '../../examples/external-subject.mjs';
import { decodeWords } from './support/decode-words.js';

const OUTSIDE = { host: 'mail.example.net', address: '198.51.100.7' };
const office = new BlockList();
office.addSubnet('192.0.2.0', 24);
office.addSubnet('2001:db8:1::', 48, 'ipv6');
const FROM: MailHeader = ['From', 'carol@example.net'];
/** What Sendmail would make where it is missing. */
const COMMON: readonly MailHeader[] = [
  ['Date', 'Sun, 1 Mar 2026 09:00:00 +0000'],
  FROM,
  ['Message-Id', '<1@example.net>'],
];

describe.each(['postfix', 'sendmail'] as const)(
  'the tag in the subjects of external mail behind %s',
  (mta) => {
    /** The fields of a mail behind the filter, but for those that all mail has. */
    async function fields(
      headers: readonly MailHeader[],
      mail: Partial<ClientMail> = {},
      filter = externalSubject({ inside: office }),
    ): Promise<string[]> {
      const errors: unknown[] = [];
      const { outcome, failure, ...delivery } = await deliver(
        {
          sender: 'carol@example.net',
          recipients: ['bob@example.org'],
          client: OUTSIDE,
          ...mail,
          headers: [...COMMON, ...headers],
        },
        { to: filter, mta, outcome: ({ error }) => error && errors.push(error) },
      );
      expect(failure).toBeUndefined();
      expect(errors).toEqual([]);
      expect(outcome).toBe('delivered');
      return delivery.headers
        .filter(({ name }) => !['Received', 'Date', 'From', 'Message-Id'].includes(name))
        .map(({ name, value }) => `${name}: ${value}`);
    }

    /** What becomes of a subject from outside, as people see it. */
    async function subject(value: string | Uint8Array): Promise<string> {
      const [line = '', ...others] = await fields([['Subject', value]]);
      expect(others).toEqual(['X-External-Sender: yes']);
      expect(line).toMatch(/^Subject: [\x20-\x7e\n]*$/);
      // RFC 5322, 2.1.1 and RFC 2047, 2: no line of more than 78 characters, and of 76 with an encoded word.
      for (const piece of line.split('\n')) expect(piece.length).toBeLessThanOrEqual(78);
      return decodeWords(line.replace('Subject: ', ''));
    }

    it('marks mail from outside', async () => {
      expect(await fields([['Subject', 'Your account']])).toEqual([
        'Subject: [external] Your account',
        'X-External-Sender: yes',
      ]);
    });

    it('marks mail without a subject, and with an empty one', async () => {
      expect(await fields([])).toEqual(['Subject: [external]', 'X-External-Sender: yes']);
      expect(await fields([['Subject', '']])).toEqual(['Subject: [external]', 'X-External-Sender: yes']);
    });

    it('marks each of several subjects', async () => {
      expect(
        await fields([
          ['Subject', 'one'],
          ['X-Other', 'between'],
          ['SUBJECT', '[external] two'],
          ['subject', 'three'],
        ]),
      ).toEqual([
        'Subject: [external] one',
        'X-Other: between',
        'SUBJECT: [external] two',
        'subject: [external] three',
        'X-External-Sender: yes',
      ]);
    });

    it.each([
      '[external] Your account',
      'Re: [external] Your account',
      'RE: AW: [External] Your account',
      'Fwd: Re: [external] Your account',
      'Re[2]:[external] Your account',
      'Réf : [external] Your account',
      '回复：[external] Your account',
      '=?utf-8?Q?Re:_[external]_Caf=C3=A9?=',
      '=?utf-8?B?W2V4dGVybmFsXSBZb3VyIGFjY291bnQ=?=',
      '=?utf-8?Q?[ext?=\r\n =?utf-8?Q?ernal]_Caf=C3=A9?=',
    ])('leaves %j as it is', async (value) => {
      expect(await fields([['Subject', value]])).toEqual([
        `Subject: ${value.replaceAll('\r\n', '\n')}`,
        'X-External-Sender: yes',
      ]);
    });

    it.each([
      ['a tag out of sight', `Hi${' '.repeat(60)}[external]`],
      ['a tag behind other words', 'Not [external]: hello'],
      ['something like a tag', '[external Hello'],
      ['something like the beginning of a reply', 'Regarding: [external] hello'],
    ])('is added to a subject with %s', async (_what, value) => {
      expect((await subject(value)).replace(/ +/g, ' ')).toBe(`[external] ${value}`.replace(/ +/g, ' '));
    });

    it.each([
      // RFC 2047, 8: the examples
      ['=?ISO-8859-1?Q?a?=', 'a'],
      ['=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=', 'ab'],
      ['=?ISO-8859-1?Q?a_b?=', 'a b'],
      [
        '=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=',
        'If you can read this you understand the example.',
      ],
      ['=?utf-8?B?4pyT?= done', '✓ done'],
      ['Grüße aus Köln', 'Grüße aus Köln'],
    ])('keeps what %j says', async (value, text) => {
      expect(await subject(value)).toBe(`[external] ${text}`);
    });

    it('keeps a long subject, and one whose bytes have no character set', async () => {
      const long = Array.from({ length: 60 }, (_none, n) => `wörd${n}`).join(' ');
      expect(await subject(long)).toBe(`[external] ${long}`);
      expect(await subject(Buffer.from('caf\xe9', 'latin1'))).toBe('[external] café');
    });

    it('lets nobody else write its header', async () => {
      const forged: readonly MailHeader[] = [
        ['Subject', 'Lunch?'],
        ['X-External-Sender', 'no'],
        ['x-external-sender', 'perhaps'],
      ];
      const inside = await fields(forged, { auth: { user: 'alice' } });
      expect(inside).toEqual(['Subject: Lunch?']);
      const outside = await fields(forged);
      expect(outside.filter((line) => /^x-external/i.test(line))).toEqual([expect.stringMatching(/: yes$/)]);
    });

    it.each([
      ['somebody who has logged in', { auth: { user: 'alice' } }],
      ['the network of the office', { client: { address: '192.0.2.77' } }],
      ['the same as IPv6 has it', { client: { address: '::ffff:192.0.2.77', family: 'inet6' } }],
      ['the IPv6 network of the office', { client: { address: '2001:db8:1::25', family: 'inet6' } }],
      ['a program of the machine itself', { client: { address: '/run/mail', family: 'unix' } }],
    ] as const)('leaves mail alone that is from %s', async (_what, mail) => {
      expect(await fields([['Subject', 'Lunch?']], mail)).toEqual(['Subject: Lunch?']);
    });

    it.each([
      ['another network', { client: { address: '192.0.3.1' } }],
      ['another IPv6 network', { client: { address: '2001:db8:2::25', family: 'inet6' } }],
      ['nobody knows where', { client: { host: 'unknown', address: '', family: 'unknown' } }],
    ] as const)('marks mail from %s', async (_what, mail) => {
      expect(await fields([['Subject', 'Lunch?']], mail)).toContain('Subject: [external] Lunch?');
    });

    it('takes the machine itself for inside where nothing else is said', async () => {
      const filter = externalSubject({ tag: 'EXT:', header: 'X-Ext' });
      for (const client of [{ address: '127.0.0.1' }, { address: '::1', family: 'inet6' }] as const) {
        expect(await fields([['Subject', 'cron']], { client }, filter)).toEqual(['Subject: cron']);
      }
      expect(await fields([['Subject', 'Hi']], {}, filter)).toEqual(['Subject: EXT: Hi', 'X-Ext: yes']);
    });

    it('tags the subject that an earlier filter wants', async () => {
      const earlier = on('eom', () => changeHeader('Subject', '[list] Hello'));
      const both = compose(earlier, externalSubject({ inside: office }));
      expect(await fields([['Subject', 'Hello']], {}, both)).toEqual([
        'Subject: [external] [list] Hello',
        'X-External-Sender: yes',
      ]);
    });
  },
);
