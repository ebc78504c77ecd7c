import { instruct } from '../support/instructions.js';
import { say, type Step } from '../support/steps.js';
import { content, message, NEXT, opening, SEEN, session, type Conversation } from './conversation.js';

const WHOLE = 'c c c c c c c c c c c';

/** A message up to a stage, what comes then, and a message that shows what was seen. */
function cut(name: string, letters: string, upTo: readonly Step[], ...then: readonly Step[]): Conversation {
  return {
    name,
    letters: `c c ${letters} ${NEXT}`.replaceAll(/ +/g, ' '),
    steps: [...opening, ...upTo, ...then, ...message(SEEN), say.quit()],
  };
}

function quitting(name: string, letters: string, upTo: readonly Step[]): Conversation {
  return { name, letters, steps: [...upTo, say.quit()] };
}

const [header] = content;
const envelope = [say.mail(), say.rcpt()];
const headers = header === undefined ? [] : [header];

/** What an SMTP client, and with it the MTA, may do in the course of a connection. */
export const courses: readonly Conversation[] = [
  {
    name: 'gets three messages in a row',
    letters: `c c ${WHOLE} ${WHOLE} ${NEXT}`,
    steps: [...opening, ...message(), ...message(), ...message(SEEN), say.quit()],
  },
  {
    name: 'gets an ABORT after each message',
    letters: `c c ${WHOLE} ${NEXT}`,
    steps: [...opening, ...message(), say.abort(), ...message(SEEN), say.abort(), say.abort(), say.quit()],
  },
  {
    name: 'is told what it saw in between',
    letters: `c c ${NEXT} ${NEXT}`,
    steps: [...opening, ...message(SEEN), ...message(SEEN), say.quit()],
  },
  cut('gets ABORT before MAIL', '', [say.abort()]),
  cut('gets ABORT after MAIL', 'c', [say.mail(), say.abort()]),
  cut('gets ABORT after RCPT', 'c c', [...envelope, say.abort()]),
  cut('gets ABORT after DATA', 'c c c', [...envelope, say.data(), say.abort()]),
  cut('gets ABORT after a header', 'c c c c', [...envelope, say.data(), ...headers, say.abort()]),
  cut('gets ABORT after EOH', 'c c c c', [...envelope, say.data(), say.eoh(), say.abort()]),
  cut('gets ABORT after a piece of the body', 'c c c c c', [
    ...envelope,
    say.data(),
    say.eoh(),
    say.body(),
    say.abort(),
  ]),
  cut('gets ABORT twice', 'c c', [...envelope, say.abort(), say.abort()]),
  cut('gets MAIL after MAIL', 'c', [say.mail()]),
  cut('gets MAIL after RCPT', 'c c', envelope),
  cut('gets MAIL after DATA', 'c c c', [...envelope, say.data()]),
  cut('gets MAIL after a header', 'c c c c', [...envelope, say.data(), ...headers]),
  cut('gets HELO again before MAIL', 'c', [say.helo('other.example.com')]),
  cut('gets HELO after RCPT', 'c c c', envelope, say.helo('other.example.com')),
  cut(
    'gets HELO after RCPT, and then two ABORTs, as from Postfix',
    'c c c',
    envelope,
    say.helo(),
    say.abort(),
    say.abort(),
  ),
  cut('gets ABORT and then HELO, as from Sendmail', 'c c c', envelope, say.abort(), say.helo()),
  quitting('gets QUIT first of all', '', []),
  quitting('gets QUIT after CONNECT', 'c', [say.connect()]),
  quitting('gets QUIT after HELO', 'c c', opening),
  quitting('gets QUIT after MAIL', 'c c c', [...opening, say.mail()]),
  quitting('gets QUIT after RCPT', 'c c c c', [...opening, ...envelope]),
  quitting('gets QUIT after DATA', 'c c c c c', [...opening, ...envelope, say.data()]),
  quitting('gets QUIT after a header', 'c c c c c c', [...opening, ...envelope, say.data(), ...headers]),
  quitting('gets QUIT after EOH', 'c c c c c c', [...opening, ...envelope, say.data(), say.eoh()]),
  quitting('gets QUIT after a piece of the body', 'c c c c c c c', [
    ...opening,
    ...envelope,
    say.data(),
    say.eoh(),
    say.body(),
  ]),
  quitting('gets QUIT and two ABORTs, as from Postfix', `c c ${WHOLE}`, [
    ...opening,
    ...message(),
    say.abort(),
    say.abort(),
  ]),
  { name: 'gets no HELO', letters: `c ${NEXT}`, steps: [say.connect(), ...message(SEEN), say.quit()] },
  cut('gets an unknown command before MAIL', 'c', [say.unknown('XYZZY')]),
  cut('gets an unknown command after MAIL, and then ABORT', 'c c', [
    say.mail(),
    say.unknown('XYZZY a b'),
    say.abort(),
  ]),
  cut('gets unknown commands between recipients', 'c c c c c', [
    say.mail(),
    say.rcpt(),
    say.unknown('A'),
    say.unknown(''),
    say.rcpt(),
  ]),
  {
    name: 'gets an unknown command before HELO',
    letters: `c c c ${NEXT}`,
    steps: [say.connect(), say.unknown('PLUGH'), say.helo(), ...message(SEEN), say.quit()],
  },
  {
    name: 'gets an unknown command between RCPT and DATA',
    letters: 'c c c c c c c c c c c c hc',
    steps: [
      ...opening,
      say.mail(`<${instruct(SEEN)}@example.com>`),
      say.rcpt(),
      say.unknown('A'),
      say.data(),
      ...content.slice(1),
      say.quit(),
    ],
  },
  {
    name: 'refuses all recipients',
    letters: `c c c r r ${NEXT}`,
    steps: [
      ...opening,
      say.mail(),
      ...[1, 2].map((n) => say.rcpt(`<${instruct(['rcpt', 'reject'])}${n}@example.org>`)),
      say.abort(),
      ...message(SEEN),
      say.quit(),
    ],
  },
  {
    name: 'decides differently about each of five recipients',
    letters: 'c c c r y c t c c c c c c c c c hc',
    steps: [
      ...opening,
      say.mail(
        `<${instruct(['rcpt', 'reject'], ['rcpt', 'reject', '550', '5.1.1', 'Who?'], ['rcpt', 'continue'], ['rcpt', 'tempfail'], SEEN)}@example.com>`,
      ),
      ...[1, 2, 3, 4, 5].map((n) => say.rcpt(`<${n}@example.org>`)),
      say.data(),
      ...content,
      say.quit(),
    ],
  },
  {
    name: 'decides at the second piece of the body',
    letters: `c c c c c c c c c c c r ${NEXT}`,
    steps: [
      ...opening,
      ...message(['body', 'continue'], ['body', 'reject']).slice(0, -1),
      ...message(SEEN),
      say.quit(),
    ],
  },
  // Not shown what it was told: rxmilter does not show the rest of a piece once it is decided.
  ...(['reject', 'accept', 'discard', 'skip'] as const).map((verb): Conversation => {
    const first = verb === 'skip' ? 's c' : verb.charAt(0);
    return {
      name: `decides ${verb} about a piece of 65535 bytes, which does not come at once`,
      letters: `c c c c c c c c c c ${first} ${WHOLE}`,
      steps: [
        ...opening,
        ...message(['body', verb]).slice(0, 8),
        say.body(Buffer.alloc(65_535, 'z')),
        say.eom(),
        ...message(),
        say.quit(),
      ],
      manner: { polite: true },
    };
  }),
  {
    name: 'remembers at BODYEOB what HELO has told',
    letters: `c c ${NEXT} c c c c c c c c c c hhc`,
    steps: [
      say.connect(),
      say.helo(instruct(SEEN, ['eom', 'continue'], ['eom', 'add', 'X-Late', '1'])),
      ...message(),
      ...message(SEEN),
      say.quit(),
    ],
  },
  {
    name: 'gets a message without headers and without a body',
    letters: 'c c c c c c hc',
    steps: [...opening, ...message(SEEN).slice(0, 3), say.eoh(), say.eom(), say.quit()],
  },
  {
    name: 'gets empty macro frames before everything, as from Postfix',
    letters: `c c ${NEXT}`,
    steps: session(SEEN)
      .slice(0, 13)
      .flatMap((step) => [say.macros(step.bytes.toString('latin1', 4, 5)), step])
      .concat(say.quit()),
  },
  {
    name: 'gets macros for a command that does not come',
    letters: `c c ${NEXT}`,
    steps: [
      ...opening,
      say.macros('R', '{rcpt_addr}', 'x'),
      say.macros('Z', 'a', 'b'),
      ...message(SEEN),
      say.quit(),
    ],
  },
];
