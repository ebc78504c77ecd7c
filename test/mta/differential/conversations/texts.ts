import { instruct } from '../support/instructions.js';
import { say, type Step } from '../support/steps.js';
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
