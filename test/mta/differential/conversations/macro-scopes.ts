import { instruct, type Instruction } from '../support/instructions.js';
import { say, type Step } from '../support/steps.js';
import { SEEN, type Conversation } from './conversation.js';

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
