import { frame } from '../support/frames.js';
import { instruct } from '../support/instructions.js';
import { say, type Asked, type Step } from '../support/steps.js';
import { SEEN, type Conversation } from './conversation.js';

const SEE = `<${instruct(SEEN)}@example.com>`;
const CONNECT = 'h\x004\xd4\x31192.0.2.25\0';

const odd = (kind: Asked | 'abort' | 'macro', letter: string, data: string): Step => ({
  kind,
  bytes: frame(letter, data),
});

/** A message in which one frame has more than it needs; at its end the filter shows what it was told. */
function surplus(name: string, one: Step, before: readonly Step[], behind: readonly Step[]): Conversation {
  const steps = [...before, one, ...behind, say.eom()];
  const answered = steps.filter(({ kind }) => kind !== 'abort' && kind !== 'macro').length - 1;
  return { name, steps, letters: `${'c '.repeat(answered)}hc` };
}

const [connect, helo, mail, rcpt] = [say.connect(), say.helo(), say.mail(SEE), say.rcpt()];
const envelope = [connect, helo, mail, rcpt];

/** What both take: the first strings count, and what follows them is left alone. */
export const surpluses: readonly Conversation[] = [
  surplus('gets CONNECT with a string more', odd('connect', 'C', `${CONNECT}x\0`), [], [helo, mail, rcpt]),
  surplus(
    'gets CONNECT without an address and with more',
    odd('connect', 'C', 'h\0Ux\0'),
    [],
    [helo, mail, rcpt],
  ),
  surplus('gets HELO with two strings', odd('helo', 'H', 'a\0b\0'), [connect], [mail, rcpt]),
  surplus('gets HELO with an empty string more', odd('helo', 'H', 'a\0\0'), [connect], [mail, rcpt]),
  surplus(
    'gets MAIL with an argument that does not end',
    odd('mail', 'M', `${SEE}\0b`),
    [connect, helo],
    [rcpt],
  ),
  surplus('gets MAIL with empty arguments', odd('mail', 'M', `${SEE}\0\0b\0\0`), [connect, helo], [rcpt]),
  surplus(
    'gets RCPT with an argument that does not end',
    odd('rcpt', 'R', '<r@x>\0b'),
    [connect, helo, mail],
    [],
  ),
  surplus(
    'gets a header of three strings',
    odd('header', 'L', 'A\0b\0c\0'),
    [...envelope, say.data()],
    [say.eoh()],
  ),
  surplus(
    'gets an empty header of four',
    odd('header', 'L', 'A\0\0\0\0'),
    [...envelope, say.data()],
    [say.eoh()],
  ),
  surplus('gets DATA with data', odd('data', 'T', 'x'), envelope, [say.eoh()]),
  surplus('gets EOH with data', odd('eoh', 'N', 'x\0'), [...envelope, say.data()], []),
  surplus('gets ABORT with data', odd('abort', 'A', 'x'), envelope, [mail, rcpt]),
  surplus(
    'gets an unknown command of two strings',
    odd('unknown', 'U', 'a\0b\0'),
    [connect, helo],
    [mail, rcpt],
  ),
  surplus(
    'gets an unknown command with bytes behind it',
    odd('unknown', 'U', 'a\0b'),
    [connect, helo],
    [mail, rcpt],
  ),
  surplus('gets a macro without a value', odd('macro', 'D', 'Ma\0'), [connect, helo], [mail, rcpt]),
  surplus('gets a macro that does not end', odd('macro', 'D', 'Ma\0b'), [connect, helo], [mail, rcpt]),
];
