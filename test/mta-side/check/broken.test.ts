import type { Socket } from 'node:net';
import { check, type CheckReport, type CheckRule } from 'rxmilter/mta';
import { describe, test } from 'vitest';

import {
  GOOD,
  agree,
  optnegAnswer,
  replyFrame,
  scriptedMilter,
  type Act,
  type Script,
} from '../../support/scripted-milter.js';

/** Long enough for a milter that replies at once, however busy the machine is; one that does not costs it once. */
const TIMES = { timeout: 4000, settle: 40, idle: 10 };

const CONTINUE = replyFrame('c', '');
const write = (socket: Socket, ...hex: string[]): void => void socket.write(Buffer.from(hex.join(''), 'hex'));
const header = (name: string, value: string): string => replyFrame('h', `${name}\0${value}\0`);
/** What a milter keeps for a connection. */
function perSocket<T>(make: () => T): (socket: Socket) => T {
  const all = new WeakMap<Socket, T>();
  return (socket) => {
    const state = all.get(socket) ?? make();
    all.set(socket, state);
    return state;
  };
}

const rights = perSocket(() => ({ all: false, skip: false, silent: false }));
/** Changes a message where it has all rights. */
function withRights(socket: Socket, ...replies: string[]): void {
  write(socket, ...(rights(socket).all ? replies : []), CONTINUE);
}
const agreeing: Act = (socket, data) => {
  rights(socket).all = data.readUInt32BE(4) === 0x1ff;
  agree(socket, data);
};
/** An answer with these flags as far as they are offered, and what becomes of them. */
const flagged = (flags: number, told: 'skip' | 'silent'): Script => ({
  O: (socket, data) => {
    const agreed = data.readUInt32BE(8) & flags;
    rights(socket)[told] = agreed !== 0;
    agree(socket, data, 0, agreed);
  },
});
const [skipping, silent] = [flagged(0x400, 'skip'), flagged(0x80, 'silent')];
const atEom = (...replies: string[]): Script => ({ E: (socket) => withRights(socket, ...replies) });
const answering = (version: number, actions: number, protocol: number): Act =>
  optnegAnswer(protocol, actions, version);

const recipients = perSocket((): string[] => []);
const messages = perSocket(() => ({ count: 0, bytes: 0 }));
const everywhere: string[] = [];

/** Milters broken on purpose, each in one way: the rule that is named, and what it does instead of a good milter. */
const BROKEN: readonly [what: string, rules: readonly CheckRule[], script: Script][] = [
  ['closes the connection at the offer', ['no-agreement'], { O: (socket) => socket.end() }],
  ['answers the offer with continue', ['no-agreement'], { O: CONTINUE }],
  ['answers the offer with 8 bytes', ['no-agreement'], { O: replyFrame('O', '\0\0\0\x06\0\0\0\0') }],
  [
    'takes no version but 6',
    ['offer-refused'],
    {
      O: (socket, data) => (data.readUInt32BE(0) === 6 ? agree(socket, data) : socket.end()),
    },
  ],
  ['answers a version that was not offered', ['answer-version'], { O: answering(9, 0, 0) }],
  ['answers version 1', ['answer-version'], { O: answering(1, 0, 0) }],
  [
    'asks for rights that were not offered',
    ['answer-actions'],
    { O: (socket, data) => agree(socket, data, 0x1ff) },
  ],
  [
    'asks for a silence that was not offered',
    ['answer-flags'],
    { O: (socket, data) => agree(socket, data, 0, 0x80), L: '' },
  ],
  [
    'asks for macros though it may not',
    ['answer-lists'],
    {
      O: (socket, data) => {
        const answer = Buffer.from(optnegAnswer(0, 0, Math.min(6, data.readUInt32BE(0))), 'hex');
        write(socket, replyFrame('O', `${answer.toString('latin1', 5)}\0\0\0\x02i\0`));
      },
    },
  ],
  ['replies twice', ['surplus-reply'], { H: [CONTINUE, CONTINUE] }],
  ['replies to ABORT', ['surplus-reply'], { A: CONTINUE }],
  ['replies to macros', ['surplus-reply'], { D: CONTINUE }],
  ['replies to QUIT', ['surplus-reply'], { Q: (socket) => socket.end(Buffer.from(CONTINUE, 'hex')) }],
  ['does not reply to DATA', ['missing-reply'], { T: '' }],
  ['has no final reply', ['missing-reply'], { E: header('X-A', 'b') }],
  [
    'replies where it has asked not to',
    ['unagreed-reply'],
    {
      O: (socket, data) => agree(socket, data, 0, data.readUInt32BE(8) & 0x80),
    },
  ],
  ['counts the length from the letter on, one too many', ['frame-length'], { E: '0000000263' }],
  ['writes the length with the lowest byte first', ['frame-length'], { H: '0100000063' }],
  ['writes a length of 0', ['frame-length'], { H: '0000000063' }],
  ['closes within a frame', ['frame-cut'], { H: (socket) => socket.end(Buffer.from('000000', 'hex')) }],
  ['knows other letters', ['unknown-reply'], { H: replyFrame('Z', '') }],
  ['has data after continue', ['reply-layout'], { H: replyFrame('c', 'ok') }],
  ['has no NUL at the end', ['reply-layout'], atEom(replyFrame('h', 'X-A\0b'))],
  ['has a list of arguments', ['reply-layout'], atEom(replyFrame('e', '<a@example.com>\0A=1\0B=2\0'))],
  ['discards at HELO', ['wrong-stage'], { H: replyFrame('d', '') }],
  ['skips headers', ['wrong-stage'], { L: replyFrame('s', '') }],
  ['shuts down', ['wrong-stage'], { M: replyFrame('4', '') }],
  ['skips the body though that was not agreed on', ['unagreed-skip'], { B: replyFrame('s', '') }],
  ['sends PROGRESS at RCPT', ['early-progress'], { R: [replyFrame('p', ''), CONTINUE] }],
  ['changes the message at RCPT', ['early-change'], { R: [header('X-A', 'b'), CONTINUE] }],
  [
    'changes the message without the right to it',
    ['ungranted-change'],
    { O: (socket, data) => agree(socket, data, 0), E: [header('X-A', 'b'), CONTINUE] },
  ],
  ['has a colon in the name of a header', ['change-text'], atEom(header('X-A:', 'b'))],
  ['has a negative index', ['change-text'], atEom(replyFrame('m', '\xff\xff\xff\xffSubject\0b\0'))],
  ['has a line feed in an address', ['change-text'], atEom(replyFrame('+', '<a@example.com>\n\0'))],
  ['folds with CRLF', ['header-value'], atEom(header('X-A', 'b\r\n\tc'))],
  [
    'decodes as UTF-8 what is not',
    ['bytes-lost'],
    atEom(header('X-A', Buffer.from('caf\ufffd').toString('latin1'))),
  ],
  [
    'sends a new body in two parts',
    ['split-body'],
    atEom(replyFrame('b', 'one'), replyFrame('p', ''), replyFrame('b', 'two')),
  ],
  ['sends a new body in one frame', ['large-frame'], atEom(replyFrame('b', 'x'.repeat(65_536)))],
  ['refuses with 250', ['reply-text'], { R: replyFrame('y', '250 2.1.5 Ok\0') }],
  ['has an enhanced code of another class', ['reply-text'], { R: replyFrame('y', '550 4.7.1 No\0') }],
  ['has a bare line feed in a reply', ['reply-text'], { R: replyFrame('y', '550-5.7.1 No\n250 Ok\0') }],
  ['has a single percent sign in a reply', ['percent'], { R: replyFrame('y', '550 5.7.1 100% spam\0') }],
  [
    'closes the connection after a message',
    ['closed'],
    { E: (socket) => socket.end(Buffer.from(CONTINUE, 'hex')), Q: (socket) => socket.end() },
  ],
  ['keeps the connection open', ['open-after-quit'], { Q: '' }],
  ['knows no QUIT_NC', ['quit-nc'], { K: (socket) => socket.destroy() }],
  [
    'closes where there is no macro',
    ['macros'],
    { D: (socket, data) => data.length === 1 && socket.destroy() },
  ],
  [
    'cannot read what is not ASCII',
    ['bytes'],
    { L: (socket, data) => (data.some((byte) => byte > 127) ? socket.destroy() : write(socket, CONTINUE)) },
  ],
  [
    'gives up large bodies',
    ['size'],
    {
      M: (socket) => {
        messages(socket).bytes = 0;
        write(socket, CONTINUE);
      },
      B: (socket, data) => {
        const message = messages(socket);
        message.bytes += data.length;
        if (message.bytes > 1024 * 1024) socket.destroy();
        else write(socket, CONTINUE);
      },
    },
  ],
  [
    'keeps the recipients of a message that was given up',
    ['leak'],
    {
      R: (socket, data) => {
        recipients(socket).push(data.toString('latin1', 0, data.indexOf(0)));
        write(socket, CONTINUE);
      },
      E: (socket) => withRights(socket, header('X-To', recipients(socket).splice(0).join(' '))),
    },
  ],
  [
    'keeps the sender for all connections',
    ['leak'],
    {
      M: (socket, data) => {
        everywhere.push(data.toString('latin1', 0, data.indexOf(0)));
        write(socket, CONTINUE);
      },
      E: (socket) => withRights(socket, header('X-From', everywhere.at(-2) ?? '')),
    },
  ],
  [
    'defers the second message of a connection',
    ['other-answer'],
    { E: (socket) => write(socket, ++messages(socket).count > 1 ? replyFrame('t', '') : CONTINUE) },
  ],
];

/** The rules that a check finds broken, once each. */
const rulesOf = ({ findings }: CheckReport): CheckRule[] => [...new Set(findings.map(({ rule }) => rule))];

describe.concurrent('check() finds and names a milter that', () => {
  test.for(BROKEN)('%s', { timeout: 120_000 }, async ([_what, rules, script], { expect }) => {
    await using milter = await scriptedMilter({ ...GOOD, O: agreeing, ...script });
    expect(rulesOf(await check(milter.address, TIMES))).toEqual(rules);
  });

  test('waits two seconds only for the next command', { timeout: 120_000 }, async ({ expect }) => {
    await using milter = await scriptedMilter({
      K: '',
      O: (socket, data) => {
        socket.setTimeout(2000, () => socket.destroy());
        agree(socket, data);
      },
    });
    expect(rulesOf(await check(milter.address, { ...TIMES, idle: 3000 }))).toEqual(['idle']);
  });

  test('says PROGRESS for ever', { timeout: 120_000 }, async ({ expect }) => {
    await using milter = await scriptedMilter({
      ...GOOD,
      E: (socket) => {
        const timer = setInterval(() => write(socket, replyFrame('p', '')), 5);
        socket.on('close', () => clearInterval(timer));
      },
    });
    const { findings } = await check(milter.address, { timeout: 200, settle: 1, idle: 1 });
    expect(findings.map(({ rule }) => rule)).toEqual(['missing-reply']);
  });

  // Each is right, and each is what a mutant of the judge would take for wrong.
  test.for<[string, Script]>([
    ['sends PROGRESS at the end of a message', atEom(replyFrame('p', ''), replyFrame('p', ''))],
    [
      'skips the body where that is agreed on',
      { ...skipping, B: (socket) => write(socket, replyFrame(rights(socket).skip ? 's' : 'c', '')) },
    ],
    ['doubles percent signs', { R: replyFrame('y', '550 5.7.1 100%% spam %%%%\0') }],
    ['has a reply of several lines', { R: replyFrame('y', '550-5.7.1 one\r\n550 5.7.1 two\0') }],
    ['has a reply without an enhanced code', { R: replyFrame('y', '450 Later\0') }],
    ['discards a message', { M: replyFrame('d', '') }],
    [
      'changes all that there is to change',
      atEom(
        header('X-A', ''),
        header('X-B', 'one\n\ttwo'),
        replyFrame('i', '\0\0\0\0X-C\0x\0'),
        replyFrame('m', '\0\0\0\x01Subject\0\0'),
        replyFrame('+', '<a@example.com>\0'),
        replyFrame('2', '<a@example.com>\0NOTIFY=NEVER\0'),
        replyFrame('-', '<a@example.com>\0'),
        replyFrame('e', '<>\0\0'),
        replyFrame('e', '<>\0'),
        replyFrame('b', 'x'.repeat(65_535)),
        replyFrame('b', 'one'),
        replyFrame('q', 'held\0'),
      ),
    ],
    [
      'is silent where that is agreed on',
      { ...silent, L: (socket) => rights(socket).silent || write(socket, CONTINUE) },
    ],
    [
      'takes an offer of no features for the oldest',
      {
        O: (socket, data) => agree(socket, data, data.readUInt32BE(4), data.readUInt32BE(8) === 0 ? 0x3f : 0),
      },
    ],
    [
      'asks for macros where it may',
      {
        O: (socket, data) => {
          const answer = Buffer.from(
            optnegAnswer(0, data.readUInt32BE(4), Math.min(6, data.readUInt32BE(0))),
            'hex',
          );
          write(
            socket,
            replyFrame(
              'O',
              answer.toString('latin1', 5) + ((data.readUInt32BE(4) & 0x100) === 0 ? '' : '\0\0\0\x02i\0'),
            ),
          );
        },
      },
    ],
  ])('and nothing wrong with one that %s', { timeout: 120_000 }, async ([_what, script], { expect }) => {
    await using milter = await scriptedMilter({ ...GOOD, O: agreeing, ...script });
    expect((await check(milter.address, TIMES)).findings).toEqual([]);
  });
});
