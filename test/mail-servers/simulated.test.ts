import fc from 'fast-check';
import { deliver, formatReply, parseEml, type Delivery } from 'rxmilter/mta';
import { describe, expect, test } from 'vitest';

import { optnegAnswer, replyFrame, type Script, scriptedMilter } from '../support/scripted-milter.js';
import { deliverByMaddy } from './support/maddy-client.js';
import type { PlainDelivery, PlainMail } from './support/milter-frames.js';
import { deliverByStalwart } from './support/stalwart-client.js';

const MESSAGE = [
  'Date: Mon, 01 Jan 2024 00:00:00 +0000',
  'Message-ID: <own@src.example>',
  'X-Many: one',
  'Subject: a',
  '\tfolded line',
  'x-many:two',
  'DKIM-Signature:  blanks  ',
  'X-Empty:',
  'x(y)-z: an odd name',
  'X-Start:',
  ' a value',
  ' \t',
  ' in lines',
  'Bcc: alice@src.example',
  '',
  'At noon?',
  '',
  '.Alice',
  '',
].join('\r\n');

/** What a milter hears, and what becomes of a message: as text, and nothing of it that is another each time. */
interface Account {
  readonly heard: readonly string[];
  readonly frames: readonly string[];
  readonly macros: readonly string[];
  readonly result: string;
  readonly reply?: string;
  readonly sender?: string;
  readonly recipients?: readonly string[];
  readonly message?: string;
}

const SERVERS = {
  stalwart: (address: string, mail: PlainMail): Promise<PlainDelivery> => deliverByStalwart(address, mail),
  maddy: (address: string, mail: PlainMail): Promise<PlainDelivery> => deliverByMaddy(address, mail, true),
};
type Server = keyof typeof SERVERS;

/** Has the strict client and the simulated server give the same mail to the same milter. */
async function both(mta: Server, script: Script, mail: Partial<PlainMail> = {}): Promise<[Account, Account]> {
  const whole = { message: MESSAGE, ...mail };
  return [
    await heard(script, async (address) => accountOf(await SERVERS[mta](address, whole))),
    await heard(script, async (address) => simulated(mta, address, whole)),
  ];
}

type Result = Omit<Account, 'heard' | 'frames' | 'macros'>;

async function heard(script: Script, send: (address: string) => Promise<Result>): Promise<Account> {
  await using milter = await scriptedMilter(script);
  const result = await send(milter.address).catch((): Result => ({ result: 'failed' }));
  if (result.result === 'failed') return { heard: [], frames: [], macros: [], ...result };
  // ABORT and QUIT are written before the connection is closed.
  await expect.poll(() => milter.open, { interval: 2 }).toBe(0);
  const macros = milter.macros.map((frame) =>
    Buffer.from(frame, 'hex')
      .toString('latin1', 5)
      .replace(/^Mi\0[^\0]*/, 'Mi\0(id)'),
  );
  return { heard: milter.heard, frames: milter.frames, macros, ...result };
}

function accountOf({ result, reply, sender, recipients, message }: PlainDelivery): Result {
  const delivered = { result, sender, recipients, message };
  return result === 'delivered' || result === 'quarantined' ? delivered : { result, reply };
}

async function simulated(mta: Server, to: string, mail: PlainMail): Promise<Result> {
  const { sender = 'alice@src.example', recipients = ['bob@dst.example'], user, message } = mail;
  const delivery = await deliver(
    { sender, recipients, ...parseEml(message) },
    {
      mta,
      to,
      hostname: 'mx.example.org',
      helo: 'client.example',
      client: { host: 'client.example', family: 'inet', port: 40_000, address: '192.0.2.7' },
      ...(user !== undefined && { auth: { user } }),
    },
  );
  if (delivery.failure !== undefined) return { result: 'failed' };
  const result = ['refused', 'deferred'].includes(delivery.outcome) ? 'refused' : delivery.outcome;
  const reply = formatReply(delivery.reply).replace(/ \(msg ID = \w+\)$/, '');
  return accountOf({
    result: result as PlainDelivery['result'],
    reply,
    sender: delivery.sender.address,
    recipients: delivery.recipients.map(({ address }) => address),
    message: withoutTrace(delivery),
  });
}

/** The message without what the server puts on top of it. */
function withoutTrace({ message }: Delivery): string {
  return message
    .toString('latin1')
    .replace(/^Received: from [^\r]*\r\n\tby mx\.example\.org [^\r]*\r\n\t[^\r]*\r\n/m, '')
    .replace(/^Return-Path: <[^\r]*\r\n/, '')
    .replace(/^Date: [^\r]* GMT\r\nMessage-ID: <\w+@mx\.example\.org>\r\n/, '');
}

const index = (n: number): string => Buffer.from([n >>> 24, n >>> 16, n >>> 8, n]).toString('latin1');
const pair = (name: string, value: string): string => `${name}\0${value}\0`;
const CHANGES: Readonly<Record<string, readonly string[]>> = {
  'a header': [replyFrame('h', pair('X-A', '1'))],
  'headers in their order': ['1', '2', '3'].map((value) => replyFrame('h', pair('X-A', value))),
  'a header of a name that is there': [replyFrame('h', pair('X-Many', 'three'))],
  'an empty header': [replyFrame('h', pair('X-A', ''))],
  'a folded header': [replyFrame('h', pair('X-A', 'one\r\n\ttwo'))],
  ...Object.fromEntries(
    [0, 1, 2, 3, 9].flatMap((n) => [
      [`an insertion at ${n}`, [replyFrame('i', `${index(n)}${pair('X-Many', 'new')}`)]],
      [`an insertion of a new name at ${n}`, [replyFrame('i', `${index(n)}${pair('X-A', 'new')}`)]],
      [`a change of number ${n}`, [replyFrame('m', `${index(n)}${pair('X-MANY', 'new')}`)]],
      [`a deletion of number ${n}`, [replyFrame('m', `${index(n)}${pair('x-many', '')}`)]],
      [`a change of number ${n} of none`, [replyFrame('m', `${index(n)}${pair('X-A', 'new')}`)]],
      [`a deletion of number ${n} of none`, [replyFrame('m', `${index(n)}${pair('X-A', '')}`)]],
    ]),
  ),
  'a blank in front, added': [replyFrame('h', pair('X-A', '  1'))],
  'a blank in front, inserted': [replyFrame('i', `${index(1)}${pair('X-A', ' 1')}`)],
  'additions beside an insertion': [
    replyFrame('h', pair('X-A', '1')),
    replyFrame('i', `${index(1)}${pair('X-B', '2')}`),
    replyFrame('h', pair('X-C', '3')),
  ],
  'additions beside a change': [
    replyFrame('h', pair('X-A', '1')),
    replyFrame('m', `${index(1)}${pair('Subject', 'b')}`),
    replyFrame('h', pair('X-C', '3')),
  ],
  'a new body': [replyFrame('b', 'New.\r\n'), replyFrame('b', 'More\n')],
  'a new body of no bytes': [replyFrame('b', '')],
  'another sender': [replyFrame('e', '<Dan@src.example>\0\0')],
  'another sender in one string': [replyFrame('e', '<dan@src.example>\0')],
  'no sender': [replyFrame('e', '<>\0\0')],
  'a recipient': [replyFrame('+', '<dan@dst.example>\0')],
  'a recipient who is there': [replyFrame('+', '<BOB@dst.example>\0')],
  'a recipient without a domain': [replyFrame('+', '<dan>\0')],
  'a recipient with arguments': [replyFrame('2', '<dan@dst.example>\0NOTIFY=NEVER\0')],
  'a recipient less': [replyFrame('-', '<bob@dst.example>\0')],
  'a recipient less, in capitals': [replyFrame('-', '<BOB@dst.example>\0')],
  quarantine: [replyFrame('q', 'spam\0')],
  'quarantine and headers': [
    replyFrame('h', pair('X-A', '1')),
    replyFrame('q', 'spam\0'),
    replyFrame('h', pair('X-B', '2')),
  ],
  'bytes that are not UTF-8': [replyFrame('h', pair('X-A', '\xff\xfe'))],
  progress: [replyFrame('p', ''), replyFrame('p', '')],
};

const DECISIONS: Readonly<Record<string, string>> = {
  accept: replyFrame('a', ''),
  reject: replyFrame('r', ''),
  tempfail: replyFrame('t', ''),
  discard: replyFrame('d', ''),
  'a code': replyFrame('y', '554 5.7.9 100% no\0'),
  'a code alone': replyFrame('y', '451 later\0'),
  'a code without text': replyFrame('y', '550 \0'),
  'lines, of which the first counts': replyFrame('y', '550-5.7.9 no\r\n550 5.7.9 really\0'),
  'a code that is too short': replyFrame('y', '55\0'),
  'a code that is not UTF-8': replyFrame('y', '550 5.7.1 \xff\0'),
  shutdown: replyFrame('4', ''),
  skip: replyFrame('s', ''),
};

const STAGES = {
  C: 'connect',
  H: 'helo',
  M: 'mail',
  R: 'rcpt',
  T: 'data',
  L: 'header',
  N: 'eoh',
  B: 'body',
  E: 'eom',
};

const OFFERS: Readonly<Record<string, number>> = {
  nothing: 0,
  'no HELO': 0x02,
  'no end of the header': 0x40,
  'no header': 0x20,
  'no body': 0x10,
  'no envelope': 0x01 | 0x04 | 0x08,
  'no DATA': 0x200,
  'features that it has not': 0x100c00,
};

describe.each(Object.keys(SERVERS) as Server[])('deliver() does what %s does', (mta) => {
  const same = async (script: Script, mail?: Partial<PlainMail>): Promise<Account> => {
    const [strict, found] = await both(mta, script, mail);
    expect(found).toEqual(strict);
    return strict;
  };

  test.each(Object.entries(CHANGES))('with %s', async (_what, changes) => {
    await same({ E: [...changes, 'R03'] });
  });

  test.each(Object.entries(CHANGES))('with %s, and an acceptance', async (_what, changes) => {
    await same({ E: [...changes, replyFrame('a', '')] });
  });

  const told = Object.entries(STAGES).flatMap(([letter, stage]) =>
    Object.entries(DECISIONS).map(([what, reply]) => ({ letter, stage, what, reply })),
  );
  test.each(told)('with $what at $stage', async ({ letter, reply }) => {
    await same({ [letter]: reply }, { recipients: ['bob@dst.example', 'cid@dst.example'] });
  });

  test.each(['r', 't', 'd', 'a'])('with %s for one of three recipients', async (letter) => {
    const second: Script = {
      R: (socket, _data, count) =>
        void socket.write(Buffer.from(count === 2 ? replyFrame(letter, '') : replyFrame('c', ''), 'hex')),
    };
    const recipients = ['bob@dst.example', 'cid@dst.example', 'dan@dst.example'];
    await same(second, { recipients });
  });

  test.each(Object.entries(OFFERS))('where the milter asks for %s', async (_what, protocol) => {
    await same({ O: optnegAnswer(protocol, 0x1ff) });
  });

  test('where the milter answers with an older version', async () => {
    await same({ O: optnegAnswer(0, 0x1ff, 2) });
  });

  test('where the milter changes what it has not asked for', async () => {
    await same({ O: optnegAnswer(0, 0), E: [replyFrame('h', pair('X-A', '1')), 'R03'] });
  });

  test('where there is progress before an answer to a recipient', async () => {
    await same({ R: [replyFrame('p', ''), 'R03'] });
  });

  test('where the milter answers to nothing but the end', async () => {
    const silent = Object.fromEntries(Object.keys(STAGES).map((letter) => [letter, '']));
    await same({ ...silent, E: 'R03', O: optnegAnswer(0xff080) });
  });

  test.each<[string, Partial<PlainMail>]>([
    ['a login', { user: 'alice' }],
    ['no sender', { sender: '' }],
    [
      'capitals in addresses',
      { sender: 'Alice@SRC.example', recipients: ['Bob@DST.example', 'bob@dst.example'] },
    ],
    ['a recipient twice', { recipients: ['bob@dst.example', 'bob@dst.example'] }],
    ['no header', { message: '\r\nHi\r\n' }],
    ['no body', { message: 'Date: now\r\nMessage-ID: <1>\r\n\r\n' }],
    ['a long body', { message: `${MESSAGE}${'0123456789abcdef\r\n'.repeat(10_000)}` }],
    [
      'bytes in the header and the body',
      { message: Buffer.from(MESSAGE.replace('one', '\xe9\xff').replace('noon', '\xfc'), 'latin1') },
    ],
  ])('with a message of %s', async (_what, mail) => {
    await same({}, mail);
  });

  test('with any changes of headers', async () => {
    const name = fc.constantFrom('X-Many', 'x-many', 'Subject', 'X-A', 'X-B');
    const value = fc.constantFrom('', 'new', 'another', ' blank');
    const at = fc.nat(4).map(index);
    const change = fc.oneof(
      fc.tuple(name, value).map(([of, to]) => replyFrame('h', pair(of, to))),
      fc.tuple(at, name, value).map(([n, of, to]) => replyFrame('i', `${n}${pair(of, to)}`)),
      fc.tuple(at, name, value).map(([n, of, to]) => replyFrame('m', `${n}${pair(of, to)}`)),
      fc.constant(replyFrame('q', 'spam\0')),
    );
    let changes: readonly string[] = [];
    await using milter = await scriptedMilter({
      E: (socket) => void socket.write(Buffer.from([...changes, replyFrame('c', '')].join(''), 'hex')),
    });
    const mail = { message: MESSAGE };
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 6 }), async (some) => {
        changes = some;
        const strict = accountOf(await SERVERS[mta](milter.address, mail));
        expect(await simulated(mta, milter.address, mail)).toEqual(strict);
      }),
      { numRuns: 150 },
    );
  });
});
