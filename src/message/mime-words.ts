import { optionalPeer } from './optional-peer.js';

/** What is used of the package libmime. */
interface Libmime {
  decodeWords(text: string): string;
  encodeWord(text: string, encoding: 'Q' | 'B', longest: number): string;
}

/** Line breaks and their like, which no line may hold, and NUL. A tab is a blank. */
const CONTROLS = /\r\n|[\0-\x08\n-\x1f\x7f]/g;
const BREAK_BEFORE_BLANK = /\r?\n(?=[ \t])/g;
const BLANKS = /([ \t]+)/;
/** What Q has to write in three characters; see RFC 2047, 5 (3). */
const ESCAPED = /[^a-zA-Z0-9!*+\-/ ]/g;

/** A line with encoded words has 76 characters at most (RFC 2047, 2); it is a good length for others, too. */
const LINE = 76;
/** A word that is longer than this could make a line longer than the 998 that RFC 5322 (2.1.1) allows. */
const LONGEST_WORD = 900;
const SHORTEST_ENCODED = 30;

/**
 * Decodes the encoded words in a value. Line breaks and other control characters that were encoded become blanks, so
 * that the result can be written into a header again.
 *
 * @throws Error where libmime is not installed
 */
export function wordsDecoder(call: string): (unfolded: string) => string {
  const libmime = optionalPeer('libmime', call) as Libmime;
  return (unfolded) => libmime.decodeWords(unfolded).replace(CONTROLS, ' ');
}

/**
 * Writes human text as the value of a header, folded, with encoded words (UTF-8) where it cannot stand as it is: from
 * the first word that has to be encoded to the last. Whatever `wordsDecoder` makes of it is the text again.
 *
 * @throws Error where libmime is not installed
 */
export function encodeText(call: string, name: string, text: string): string {
  const libmime = optionalPeer('libmime', call) as Libmime;
  // Halves of surrogate pairs have no encoding: they become U+FFFD.
  const line = Buffer.from(text.replace(BREAK_BEFORE_BLANK, '').replace(CONTROLS, ' ')).toString();
  const [start, end] = foreignPart(line);
  if (start === end) return fold(name, line);
  const part = line.slice(start, end);
  const escaped = Buffer.byteLength(part) - part.replace(ESCAPED, '').length;
  const encoding = 6 * escaped > Buffer.byteLength(part) ? 'B' : 'Q';
  // The first line has the name before it, and cannot be broken there.
  const longest = Math.max(SHORTEST_ENCODED, LINE - (start === 0 ? name.length + 2 : 1));
  return fold(name, line.slice(0, start) + libmime.encodeWord(part, encoding, longest) + line.slice(end));
}

/** From where to where a text has to be encoded: whole words, so that blanks are left around them. */
function foreignPart(line: string): [start: number, end: number] {
  // Words and the blanks between them by turns; a word at either end may be empty.
  const parts = line.split(BLANKS);
  const width = (index: number): number => parts[index]?.length ?? 0;
  let [start, end, at] = [line.length, 0, 0];
  for (const [index, part] of parts.entries()) {
    const long = part.length > LONGEST_WORD;
    if (index % 2 === 0) {
      if (long || isForeign(part)) {
        start = Math.min(start, at);
        end = at + part.length;
      }
    } else if (long || width(index - 1) === 0 || width(index + 1) === 0) {
      start = Math.min(start, at - width(index - 1));
      end = at + part.length + width(index + 1);
    }
    at += part.length;
  }
  return start < end ? [start, end] : [0, 0];
}

/** Whether a word is none that may stand in a header, or one that would be decoded. */
function isForeign(word: string): boolean {
  return /[^\x21-\x7e]|=\?/.test(word);
}

function fold(name: string, value: string): string {
  const parts = value.split(BLANKS);
  let folded = parts[0] ?? '';
  let length = name.length + 2 + folded.length;
  for (let index = 1; index < parts.length; index += 2) {
    const [blanks = '', word = ''] = parts.slice(index, index + 2);
    const breaks = length + blanks.length + word.length > LINE;
    folded += `${breaks ? '\n' : ''}${blanks}${word}`;
    length = (breaks ? 0 : length) + blanks.length + word.length;
  }
  return folded;
}
