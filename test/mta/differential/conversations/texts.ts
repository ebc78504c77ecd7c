import { instruct, type Instruction } from '../support/instructions.js';
import { frame } from '../support/frames.js';
import { say, unawaited, type Step } from '../support/steps.js';
import { content, SEEN, type Conversation } from './conversation.js';

const READ = 'c c c c c c c c c c hc';

/** A session with a part exchanged. What the filter was told, and so what it read, is in the answer to BODYEOB. */
function reading(
  name: string,
  {
    connect = say.connect(),
    helo = say.helo(),
    mail = ['<sender@example.com>'],
    rcpt = say.rcpt(),
    body = content,
    letters = READ,
  }: {
    readonly connect?: Step;
    readonly helo?: Step;
    readonly mail?: readonly [string, ...string[]];
    readonly rcpt?: Step;
    readonly body?: readonly Step[];
    readonly letters?: string;
  },
): Conversation {
  const [sender, ...args] = mail;
  const steps = [
    connect,
    helo,
    say.mail(sender, ...args, instruct(SEEN)),
    rcpt,
    say.data(),
    ...body,
    say.quit(),
  ];
  return { name, letters: `c c ${letters}`, steps };
}

const between = (...steps: readonly Step[]): readonly Step[] => [...steps, say.eoh(), say.eom()];
const EVERY_BYTE = Uint8Array.from({ length: 256 }, (_, byte) => byte);

/** Text and bytes of all kinds. */
export const texts: readonly Conversation[] = [
  reading('reads an IPv4 client', { connect: say.connect('[192.0.2.1]', '4', '192.0.2.1') }),
  reading('reads an IPv6 client as Postfix writes it', { connect: say.connect('host', '6', '2001:db8::1') }),
  reading('reads an IPv6 client as Sendmail writes it', {
    connect: say.connect('host', '6', 'IPv6:2001:db8::1'),
  }),
  reading('reads a client on a Unix socket', { connect: say.connect('localhost', 'L', '/run/client') }),
  reading('reads a client that is not known', { connect: say.connect('localhost', 'U') }),
  reading('reads 8-bit HELO', { helo: say.helo('caf\xe9 \xc3\xa9') }),
  reading('reads an empty HELO', { helo: say.helo('') }),
  reading('reads the null sender with brackets', { mail: ['<>'] }),
  reading('reads the null sender without brackets', { mail: [''] }),
  reading('reads a sender without brackets', { mail: ['bare@example.com'] }),
  reading('reads a quoted local part', { mail: ['<"a <b> c"@example.com>'] }),
  reading('reads a source route', { mail: ['<@a.example,@b.example:c@example.com>'] }),
  reading('reads an 8-bit sender', { mail: ['<j\xc3\xb6rg@example.com>', 'SMTPUTF8'] }),
  reading('reads ESMTP arguments of MAIL', {
    mail: ['<a@example.com>', 'SIZE=1234', 'BODY=8BITMIME', 'size=5', 'RET=HDRS'],
  }),
  reading('reads ESMTP arguments of RCPT', {
    rcpt: say.rcpt('<r@example.org>', 'NOTIFY=SUCCESS,DELAY', 'ORCPT=rfc822;a+2Bb@c'),
  }),
  reading('reads an empty argument', { mail: ['<a@example.com>', ''] }),
  reading('reads folded headers', {
    letters: 'c c c c c c hc',
    body: between(say.header('X', 'a\n\tb\n  c'), say.header('Y', '\n z')),
  }),
  reading('reads headers with blanks at both ends', {
    letters: 'c c c c c c hc',
    body: between(say.header('X', '  a '), say.header('Y', '\ta\t')),
  }),
  reading('reads headers without a value', { letters: 'c c c c c hc', body: between(say.header('X', '')) }),
  reading('reads 8-bit headers', {
    letters: 'c c c c c c hc',
    body: between(say.header('X', 'caf\xe9'), say.header('Y', 'caf\xc3\xa9 \xff\xfe')),
  }),
  reading('reads CR and control characters in headers', {
    letters: 'c c c c c hc',
    body: between(say.header('X', 'a\rb\x01\x1b\x7f')),
  }),
  reading('reads a header of 20000 bytes', {
    letters: 'c c c c c hc',
    body: between(say.header('X', 'y'.repeat(20_000))),
  }),
  reading('reads a header with a name of all kinds of signs', {
    letters: 'c c c c c hc',
    body: between(say.header("X!#$%&'*+-.^_`|~/()", 'a')),
  }),
  reading('reads every byte in the body', {
    letters: 'c c c c c hc',
    body: [say.eoh(), say.body(EVERY_BYTE), say.eom()],
  }),
  reading('reads a piece of one byte', {
    letters: 'c c c c c c hc',
    body: [say.eoh(), say.body('\r'), say.body('\n'), say.eom()],
  }),
  reading('reads a piece of 65535 bytes', {
    letters: 'c c c c c hc',
    body: [say.eoh(), say.body(Buffer.alloc(65_535, 'z')), say.eom()],
  }),
  reading('reads the last piece in BODYEOB', {
    letters: 'c c c c c hc',
    body: [say.eoh(), say.body('one'), say.eom('two')],
  }),
  reading('reads the only piece in BODYEOB', {
    letters: 'c c c c hc',
    body: [say.eoh(), say.eom(Buffer.alloc(65_535, 'z'))],
  }),
];

/** Macros asked for at some stages; what they are is in the answer to BODYEOB. */
function macros(name: string, told: readonly Instruction[], ...steps: readonly Step[]): Conversation {
  const letters = steps
    .filter(({ kind }) => kind !== 'macro' && kind !== 'abort')
    .map(({ kind }) => (kind === 'eom' ? 'hc' : 'c'));
  return {
    name,
    letters: `c c ${letters.join(' ')}`,
    steps: [say.connect(), say.helo(instruct(...told, SEEN)), ...steps, say.quit()],
  };
}

const end: readonly Step[] = [say.eoh(), say.eom()];

/** How long macros live, and which hides which. */
export const macroScopes: readonly Conversation[] = [
  macros(
    'looks for a macro that is not there',
    [['eom', 'macro', 'i']],
    say.mail(),
    say.rcpt(),
    say.data(),
    ...end,
  ),
  macros(
    'finds a macro of MAIL with and without braces',
    [
      ['rcpt', 'macro', 'i'],
      ['eom', 'macro', '{i}'],
      ['eom', 'macro', '{auth_authen}'],
    ],
    say.macros('M', 'i', 'ABC', '{auth_authen}', 'me'),
    say.mail(),
    say.rcpt(),
    say.data(),
    ...end,
  ),
  macros(
    'finds the macro of RCPT before that of MAIL',
    [['rcpt', 'macro', 'i']],
    say.macros('M', 'i', 'of MAIL'),
    say.mail(),
    say.macros('R', 'i', 'of RCPT'),
    say.rcpt(),
    say.data(),
    ...end,
  ),
  macros(
    'finds the macros of each recipient',
    [
      ['rcpt', 'macro', '{rcpt_addr}'],
      ['rcpt', 'continue'],
      ['rcpt', 'macro', '{rcpt_addr}'],
    ],
    say.mail(),
    say.macros('R', '{rcpt_addr}', 'one'),
    say.rcpt(),
    say.macros('R', '{rcpt_addr}', 'two'),
    say.rcpt(),
    say.data(),
    ...end,
  ),
  macros(
    'finds the macro of DATA at BODYEOB',
    [['eom', 'macro', 'i']],
    say.mail(),
    say.rcpt(),
    say.macros('T', 'i', 'of DATA'),
    say.data(),
    ...end,
  ),
  macros(
    'finds the macro of EOM at BODYEOB',
    [['eom', 'macro', 'i']],
    say.macros('M', 'i', 'of MAIL'),
    say.mail(),
    say.rcpt(),
    say.data(),
    say.eoh(),
    say.macros('E', 'i', 'of EOM'),
    say.eom(),
  ),
  macros(
    'finds the empty value',
    [['mail', 'macro', 'i']],
    say.macros('M', 'i', ''),
    say.mail(),
    say.rcpt(),
    say.data(),
    ...end,
  ),
  macros(
    'does not find the macro of the message before',
    [
      ['mail', 'continue'],
      ['mail', 'macro', 'i'],
      ['eom', 'continue'],
    ],
    say.mail(),
    say.macros('R', 'i', 'first'),
    say.rcpt(),
    say.abort(),
    say.macros('M', 'j', '1'),
    say.mail(),
    say.rcpt(),
    say.data(),
    ...end.slice(0, 1),
    say.abort(),
  ),
  macros(
    'ignores the macros of headers and of the body',
    [['eom', 'macro', 'x']],
    say.mail(),
    say.rcpt(),
    say.data(),
    say.macros('L', 'x', '1'),
    say.header('A', 'b'),
    say.eoh(),
    say.macros('B', 'x', '2'),
    say.body(),
    say.macros('U', 'x', '3'),
    say.eom(),
  ),
  macros(
    'reads a last macro without a value',
    [
      ['mail', 'macro', 'a'],
      ['mail', 'macro', 'b'],
    ],
    say.macros('M', 'a', '1', 'b'),
    say.mail(),
    say.rcpt(),
    say.data(),
    ...end,
  ),
];

/** A frame that cannot be read, at its place; then nobody is there any more. */
function broken(name: string, letters: string, bytes: Buffer): Conversation {
  const all = [say.connect(), say.helo(), say.mail(), say.rcpt(), say.data(), say.eoh()];
  const before = all.slice(0, letters.split(' ').length - 1);
  return { name, letters, steps: [...before, unawaited({ bytes }), say.probe()] };
}

/** What is no milter protocol to both. The last letter is that of `closed`. */
export const malformed: readonly Conversation[] = [
  broken('gets CONNECT without a family', 'c', frame('C', 'localhost\0')),
  broken('gets CONNECT without an address', 'c', frame('C', 'localhost\x004\0\x19')),
  broken('gets CONNECT with an unknown family', 'c', frame('C', 'localhost\x009\0\x19x\0')),
  broken('gets HELO without data', 'c c', frame('H')),
  broken('gets a length of 2^32 - 1', 'c c c', Buffer.from('ffffffff4d', 'hex')),
  broken('gets MAIL without a NUL', 'c c c', frame('M', '<a@b>')),
  broken('gets MAIL without an address', 'c c c', frame('M')),
  broken('gets macros for nothing', 'c c c', frame('D')),
  broken('gets a command that does not exist', 'c c c', frame('Z')),
  broken('gets RCPT without a NUL', 'c c c c', frame('R', '<a@b>')),
  broken('gets a header without a value', 'c c c c c c', frame('L', 'Subject\0')),
  broken('gets a header without a name', 'c c c c c c', frame('L', '\0x\0')),
  broken('gets a piece of 65536 bytes', 'c c c c c c c', frame('B', Buffer.alloc(65_536))),
];
