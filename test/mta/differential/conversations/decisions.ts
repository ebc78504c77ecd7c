import { instruct, type Instruction } from '../support/instructions.js';
import { say, type Step } from '../support/steps.js';
import { content, message, NEXT, SEEN, type Conversation } from './conversation.js';

/**
 * A first message with two recipients and all stages, cancelled where it is not complete, and a second one. After a
 * decision the MTA leaves out what is decided.
 */
function deciding(
  name: string,
  letters: string,
  stage: string,
  ...decision: readonly string[]
): Conversation {
  const [verb = '', ...args] = decision;
  const told: Instruction = [stage, verb, ...args];
  const at = (where: string): string => (stage === where ? instruct(told) : '');
  const steps: Step[] = [
    say.connect(`mail${at('connect')}.example.com`),
    say.helo(`client${at('helo')}.example.com`),
    say.unknown(`VERB ${at('unknown')}`),
    say.mail(
      `<sender@example.com>`,
      `X-TOLD=${'connect helo rcpt header unknown'.includes(stage) ? '' : instruct(told)}`,
    ),
    say.rcpt(`<first${at('rcpt')}@example.org>`),
    say.rcpt('<second@example.org>'),
    say.data(),
    say.header('X-Told', at('header')),
    ...content,
    say.abort(),
    ...message(SEEN),
    say.quit(),
  ];
  // libmilter knows no abort after a refusal at DATA, and one after DISCARD at RCPT.
  const abortsDiffer =
    (stage === 'data' && (verb === 'reject' || verb === 'tempfail')) ||
    (stage === 'rcpt' && verb === 'discard');
  return { name, steps, letters, manner: { polite: true }, abortsDiffer };
}

/** Each decision at each stage at which it may be made. */
export const decisions: readonly Conversation[] = [
  deciding('accepts at CONNECT', 'a', 'connect', 'accept'),
  deciding('rejects at CONNECT', 'r', 'connect', 'reject'),
  deciding('puts off at CONNECT', 't', 'connect', 'tempfail'),
  deciding('rejects with a text at CONNECT', 'y', 'connect', 'reject', '554', '5.7.1', 'Not you'),
  deciding('hangs up at CONNECT', 'y', 'connect', 'tempfail', '421', '4.7.0', 'Bye'),
  deciding('accepts at HELO', 'c a', 'helo', 'accept'),
  deciding('rejects at HELO', 'c r', 'helo', 'reject'),
  deciding('puts off at HELO', 'c t', 'helo', 'tempfail'),
  deciding('rejects with a text at HELO', 'c y', 'helo', 'reject', '550', '5.5.2', 'Bad name'),
  deciding('hangs up at HELO', 'c y', 'helo', 'tempfail', '421', '4.7.0', 'Bye'),
  deciding('accepts at MAIL', `c c c a ${NEXT}`, 'mail', 'accept'),
  deciding('rejects at MAIL', `c c c r ${NEXT}`, 'mail', 'reject'),
  deciding('puts off at MAIL', `c c c t ${NEXT}`, 'mail', 'tempfail'),
  deciding('discards at MAIL', `c c c d ${NEXT}`, 'mail', 'discard'),
  deciding(
    'rejects with a text at MAIL',
    `c c c y ${NEXT}`,
    'mail',
    'reject',
    '553',
    '5.1.8',
    'No such domain',
  ),
  deciding(
    'puts off with a text at MAIL',
    `c c c y ${NEXT}`,
    'mail',
    'tempfail',
    '450',
    '4.1.8',
    'Try again',
  ),
  deciding('hangs up at MAIL', 'c c c y', 'mail', 'tempfail', '421', '4.7.0', 'Bye'),
  deciding('accepts at RCPT', `c c c c a ${NEXT}`, 'rcpt', 'accept'),
  deciding('discards at RCPT', `c c c c d ${NEXT}`, 'rcpt', 'discard'),
  deciding('rejects one recipient', `c c c c r c c c c c c c c c c c ${NEXT}`, 'rcpt', 'reject'),
  deciding('puts one recipient off', `c c c c t c c c c c c c c c c c ${NEXT}`, 'rcpt', 'tempfail'),
  deciding(
    'rejects one recipient with a text',
    `c c c c y c c c c c c c c c c c ${NEXT}`,
    'rcpt',
    'reject',
    '550',
    '5.1.1',
    'No such user',
  ),
  deciding('hangs up at RCPT', 'c c c c y', 'rcpt', 'tempfail', '421', '4.7.0', 'Too many'),
  deciding('accepts at DATA', `c c c c c c a ${NEXT}`, 'data', 'accept'),
  deciding('rejects at DATA', `c c c c c c r ${NEXT}`, 'data', 'reject'),
  deciding('puts off at DATA', `c c c c c c t ${NEXT}`, 'data', 'tempfail'),
  deciding('discards at DATA', `c c c c c c d ${NEXT}`, 'data', 'discard'),
  deciding('rejects with a text at DATA', `c c c c c c y ${NEXT}`, 'data', 'reject', '554', '5.5.1', 'No'),
  deciding('accepts at HEADER', `c c c c c c c a ${NEXT}`, 'header', 'accept'),
  deciding('rejects at HEADER', `c c c c c c c r ${NEXT}`, 'header', 'reject'),
  deciding('puts off at HEADER', `c c c c c c c t ${NEXT}`, 'header', 'tempfail'),
  deciding('discards at HEADER', `c c c c c c c d ${NEXT}`, 'header', 'discard'),
  deciding(
    'rejects with a text at HEADER',
    `c c c c c c c y ${NEXT}`,
    'header',
    'reject',
    '550',
    '5.6.0',
    'No',
  ),
  deciding('accepts at EOH', `c c c c c c c c c c c c a ${NEXT}`, 'eoh', 'accept'),
  deciding('rejects at EOH', `c c c c c c c c c c c c r ${NEXT}`, 'eoh', 'reject'),
  deciding('puts off at EOH', `c c c c c c c c c c c c t ${NEXT}`, 'eoh', 'tempfail'),
  deciding('discards at EOH', `c c c c c c c c c c c c d ${NEXT}`, 'eoh', 'discard'),
  deciding('accepts at BODY', `c c c c c c c c c c c c c a ${NEXT}`, 'body', 'accept'),
  deciding('rejects at BODY', `c c c c c c c c c c c c c r ${NEXT}`, 'body', 'reject'),
  deciding('puts off at BODY', `c c c c c c c c c c c c c t ${NEXT}`, 'body', 'tempfail'),
  deciding('discards at BODY', `c c c c c c c c c c c c c d ${NEXT}`, 'body', 'discard'),
  deciding('skips the rest of the body', `c c c c c c c c c c c c c s c ${NEXT}`, 'body', 'skip'),
  deciding('accepts at BODYEOB', `c c c c c c c c c c c c c c c a ${NEXT}`, 'eom', 'accept'),
  deciding('rejects at BODYEOB', `c c c c c c c c c c c c c c c r ${NEXT}`, 'eom', 'reject'),
  deciding('puts off at BODYEOB', `c c c c c c c c c c c c c c c t ${NEXT}`, 'eom', 'tempfail'),
  deciding('discards at BODYEOB', `c c c c c c c c c c c c c c c d ${NEXT}`, 'eom', 'discard'),
  deciding(
    'hangs up at BODYEOB',
    'c c c c c c c c c c c c c c c y',
    'eom',
    'tempfail',
    '421',
    '4.3.2',
    'Bye',
  ),
  deciding(
    'refuses an unknown command with a text',
    `c c y c c c c c c c c c c c c c ${NEXT}`,
    'unknown',
    'reject',
    '502',
    '5.5.1',
    'Not here',
  ),
  deciding('refuses an unknown command', `c c r c c c c c c c c c c c c c ${NEXT}`, 'unknown', 'reject'),
];
