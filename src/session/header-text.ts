import { AnswerError } from './answer-error.js';

/** A fold, which is no part of the text; and what cannot stand in a line: control characters, and Unicode's line ends. */
const FOLD = /\r?\n(?=[ \t])/g;
const CONTROLS = /[\p{Cc}\u2028\u2029]+/gu;

/**
 * Makes one line of any text, for header values and reply texts.
 *
 * Text from outside (a header of the mail, the name of a virus, an answer of another service) may hold a CR, LF, NUL or
 * other control characters. Such a value is refused where it is written, and its message with it, each time that the
 * client tries again. Here folds are taken out, every other run of control characters becomes one blank, and blanks at
 * both ends are cut off. All else stays as it is; `draft.headers.setText()` also encodes it.
 *
 * @param maxBytes cuts what is more, in UTF-8, between two characters. By default nothing is cut; a line of a reply has at
 *   most 980 bytes
 * @throws AnswerError where `text` is not a string
 * @example on('header', ({ name, value }) => (isBad(value) ? reject(`Not with ${name}: ${headerText(value, 200)}`) : undefined))
 */
export function headerText(text: string, maxBytes = Infinity): string {
  if (typeof text !== 'string') throw new AnswerError('headerText(): the text is not a string.');
  if (!(maxBytes >= 0)) throw new RangeError('headerText(): maxBytes is not a number from 0.');
  const line = text.replace(FOLD, '').replace(CONTROLS, ' ').trim();
  if (Buffer.byteLength(line) <= maxBytes) return line;
  const bytes = Buffer.from(line);
  let end = Math.floor(maxBytes);
  // Not between the bytes of one character.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end).trimEnd();
}
