import { describePair } from './support/describe-pair.js';
import { itDiffers, type Difference } from './support/difference.js';
import { instruct, type Instruction } from './support/instructions.js';
import { say, unawaited } from './support/steps.js';

const told = (...words: readonly [string, string, ...string[]][]): string =>
  `<${instruct(...words.map((one): Instruction => one))}@example.com>`;

/** A MAIL that is refused with that reply. */
function refusing(
  name: string,
  because: string,
  reply: readonly [string, ...string[]],
  libmilter: string,
  rxmilter: string,
  ...errors: readonly string[]
): Difference {
  const [verb, ...args] = reply;
  const steps = [say.connect(), say.helo(), say.mail(told(['mail', verb, ...args]))];
  return { name, because, steps, libmilter: [`mail: ${libmilter}`], rxmilter: [`mail: ${rxmilter}`], errors };
}

/** A decision at a stage that does not have it. */
function illegal(
  name: string,
  because: string,
  stage: string,
  decision: string,
  libmilter: string,
): Difference {
  const program = instruct([stage, decision]);
  const all = [
    say.connect(`x${program}`),
    say.helo(`y${program}`),
    say.mail(told([stage, decision])),
    say.rcpt(),
    say.data(),
    say.header('A', 'b'),
  ];
  const steps = stage === 'unknown' ? [say.connect(), say.helo(), say.unknown(program)] : all;
  const upTo = steps.findIndex(({ kind }) => kind === stage) + 1;
  return {
    name,
    because,
    steps: steps.slice(0, upTo),
    libmilter: [`${stage}: ${libmilter}`],
    rxmilter: [`${stage}: t`],
    errors: [`${decision}() is not legal at stage ${stage}`],
  };
}

describePair(
  'A reply of rxmilter differs on purpose from that of libmilter,',
  { decided: ['connect', 'helo', 'mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom', 'unknown'] },
  (pair) => {
    itDiffers(pair, [
      refusing(
        'no text',
        'a code without a word tells the sender nothing',
        ['reject', '550', '5.1.1'],
        'y 550 5.1.1\\00',
        'y 550 5.1.1 Command rejected\\00',
      ),
      refusing(
        'several lines without an enhanced code',
        'nobody has asked for one, and a made-up 5.0.0 says nothing',
        ['reject', '550', '', 'One', 'Two'],
        'y 550-5.0.0 One\\0d\\0a550 5.0.0 Two\\00',
        'y 550-One\\0d\\0a550 Two\\00',
      ),
      refusing(
        'a percent sign that the filter has not doubled',
        'it is for the library to know that Sendmail takes the text for a format',
        ['single-percent-reject', '550', '5.7.1', '100% no'],
        'y 550 5.7.1 100% no\\00',
        'y 550 5.7.1 100%% no\\00',
      ),
      refusing(
        'an enhanced code of another class',
        'Postfix drops a filter that sends it',
        ['reject', '550', '4.1.1', 'Mixed'],
        'y 550 4.1.1 Mixed\\00',
        't',
        'does not go with 550',
      ),
      refusing(
        'a code that does not fit the decision',
        'a text that gets lost in silence is a mistake that nobody finds',
        ['reject', '450', '', 'Later'],
        'r',
        't',
        'the code 450 is not 5xx',
      ),
      refusing(
        'a line of 981 bytes',
        'a text that gets lost in silence is a mistake that nobody finds',
        ['reject', '550', '5.7.1', 'x'.repeat(981)],
        'r',
        `y 550 5.7.1 ${'x'.repeat(980)}\\00`,
        '980 is the limit',
      ),
      refusing(
        'a line break in the text',
        'a text that gets lost in silence is a mistake that nobody finds',
        ['reject', '550', '5.7.1', 'One\r\n250 Two'],
        'r',
        'y 550 5.7.1 One 250 Two\\00',
        'of the text holds',
      ),
      {
        name: 'a text that was not used',
        because: 'it belongs to its decision and must not go out with another, about somebody else',
        steps: [
          say.connect(),
          say.helo(),
          say.mail(told(['mail', 'reject', '450', '', 'About one'])),
          say.mail(told(['mail', 'tempfail'])),
        ],
        libmilter: ['mail: r', 'mail: y 450 About one\\00'],
        rxmilter: ['mail: t', 'mail: t'],
        errors: ['the code 450 is not 5xx'],
      },
      {
        name: 'a text that was not used, of a client',
        because: 'it belongs to its decision and must not outlive the message',
        steps: [
          say.connect(),
          say.helo(),
          say.mail(),
          say.rcpt(told(['rcpt', 'tempfail', '550', '', 'Not 4xx'])),
          say.abort(),
          say.mail(told(['mail', 'reject'])),
        ],
        libmilter: ['rcpt: t', 'mail: y 550 Not 4xx\\00'],
        rxmilter: ['rcpt: t', 'mail: r'],
        errors: ['the code 550 is not 4xx'],
      },
      illegal('DISCARD at CONNECT', 'Sendmail drops a filter that sends it', 'connect', 'discard', 'd'),
      illegal('DISCARD at HELO', 'both MTAs take it for CONTINUE', 'helo', 'discard', 'd'),
      illegal('SKIP at MAIL', 'Sendmail drops a filter that sends it', 'mail', 'skip', 's'),
      illegal('SKIP at RCPT', 'Sendmail goes without the filter from there on', 'rcpt', 'skip', 's'),
      illegal(
        'SKIP at HEADER',
        'Sendmail then skips the body, and Postfix the headers',
        'header',
        'skip',
        's',
      ),
      illegal('ACCEPT at an unknown command', 'the command fails whatever is said', 'unknown', 'accept', 'a'),
      illegal('DISCARD at an unknown command', 'there may be no message', 'unknown', 'discard', 'd'),
      {
        name: 'SKIP where it is not offered',
        because:
          'an MTA that does not know it takes it for an error, so the rest of the body is taken in silence',
        steps: [
          say.connect(),
          say.helo(),
          say.mail(told(['body', 'skip'], ['eom', 'seen'])),
          say.rcpt(),
          say.data(),
          say.eoh(),
          say.body('one'),
          say.body('two'),
        ],
        manner: { offer: { version: 4, actions: 0x3f, protocol: 0x37f } },
        libmilter: ['body: s', 'body: c'],
        rxmilter: ['body: c', 'body: c'],
      },
      ...(['accept', 'reject', 'tempfail', 'discard'] as const).map((decision): Difference => {
        const letter = decision.charAt(0);
        return {
          name: `${decision} of a last piece in BODYEOB`,
          because: 'two replies to one command put all that follow out of step',
          steps: [
            say.connect(),
            say.helo(),
            say.mail(told(['body', decision])),
            say.rcpt(),
            say.data(),
            say.eoh(),
            say.eom('the last piece'),
            say.probe(),
          ],
          libmilter: [`eom: ${letter}`, `probe: ${letter} | y 550 probe\\00`],
          rxmilter: [`eom: ${letter}`, 'probe: y 550 probe\\00'],
        };
      }),
    ]);
  },
);

describePair(
  'A filter on rxmilter that only looks at the body differs on purpose from one on libmilter,',
  { decided: ['mail', 'eom'], observed: ['body'] },
  (pair) => {
    itDiffers(pair, [
      {
        name: 'a last piece in BODYEOB',
        because: 'BODYEOB has an answer whatever its data has',
        steps: [
          say.mail(),
          say.body(),
          say.eom(),
          say.mail(),
          say.body(),
          unawaited(say.eom('the last piece')),
          say.probe(),
        ],
        libmilter: ['eom: c', 'mail: c', 'body: ', 'probe: y 550 probe\\00'],
        rxmilter: ['eom: c', 'mail: c', 'body: ', 'probe: c | y 550 probe\\00'],
      },
    ]);
  },
);
