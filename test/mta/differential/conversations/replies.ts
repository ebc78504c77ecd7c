import { instruct } from '../support/instructions.js';
import { say } from '../support/steps.js';
import { message, NEXT, opening, SEEN, type Conversation } from './conversation.js';

/** A session in which the first MAIL is refused with that reply. */
function replying(name: string, verb: string, ...reply: readonly string[]): Conversation {
  const refused = say.mail(`<${instruct(['mail', verb, ...reply])}@example.com>`);
  return { name, letters: `c c y ${NEXT}`, steps: [...opening, refused, ...message(SEEN), say.quit()] };
}

/** The ways to write a reply. */
export const replies: readonly Conversation[] = [
  replying('replies without an enhanced code', 'reject', '550', '', 'Plain text'),
  replying('replies with percent signs', 'reject', '550', '5.7.1', '100% sure, 50%% more, %s%n and %'),
  replying('replies with a percent sign in each of two lines', 'reject', '550', '5.7.1', '1%', '%2'),
  replying('replies with two lines', 'tempfail', '451', '4.7.1', 'One', 'Two'),
  replying(
    'replies with 32 lines',
    'reject',
    '554',
    '5.7.0',
    ...Array.from({ length: 32 }, (_, n) => `${n}`),
  ),
  replying('replies with a line of 980 bytes', 'reject', '550', '5.7.1', 'x'.repeat(980)),
  replying('replies with an empty line between others', 'reject', '550', '5.7.1', 'One', '', 'Three'),
  replying('replies with UTF-8', 'reject', '550', '5.7.1', 'Unerwünscht: ☂'),
  replying('replies with blanks at both ends', 'reject', '550', '5.7.1', ' in between '),
  replying('replies with long enhanced codes', 'reject', '599', '5.999.999', 'Far out'),
  replying('hangs up with two lines', 'tempfail', '421', '4.7.0', 'One', 'Two'),
];
