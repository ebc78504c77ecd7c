import { optionalPeer } from '../../common/optional-peer.js';

interface Libmime {
  decodeWords(text: string): string;
  encodeWord(text: string, encoding: 'Q' | 'B'): string;
}

/** Line breaks and their like, which no line may hold, and NUL. A tab is a blank. */
const CONTROLS = /\r\n|[\0-\x08\n-\x1f\x7f]/g;
const BREAK_BEFORE_BLANK = /\r?\n(?=[ \t])/g;
const BLANKS = /([ \t]+)/;
/** Where most of a text is ASCII, Q is to be used (RFC 2047, 4). */
const BEYOND_ASCII = /[^\0-\x7f]/g;

/** A line with encoded words has 76 characters at most (RFC 2047, 2); it is a good length for others, too. */
const LINE = 76;
/** A word that is longer than this could make a line longer than the 998 that RFC 5322 (2.1.1) allows. */
const LONGEST_WORD = 900;
const SHORTEST_ENCODED = 30;
const EMPTY_WORD = '=?UTF-8?Q??='.length;
/** What Q leaves as it is, or one character; see RFC 2047, 5 (3). */
const PLAIN = /[a-zA-Z0-9!*+\-/ ]/;
/** More blanks than this are not left in front of an encoded word: they would not leave enough of the line to it. */
const MOST_BLANKS = 20;
/** In a word that may not stand in a header, would be decoded, or looks like the end of an encoded word. */
const FOREIGN = /[^\x21-\x7e]|=\?|\?=/;

/**
 * Decodes the encoded words in a value. Control characters become blanks, so that it can be written into a header again.
 *
 * @throws Error where libmime is not installed
 */
export function wordsDecoder(call: string): (unfolded: string) => string {
  const libmime = optionalPeer('libmime', call) as Libmime;
  return (unfolded) => {
    const decoded = unfolded.includes('=?') ? libmime.decodeWords(unfolded) : unfolded;
    return decoded.replace(CONTROLS, ' ');
  };
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
  // The first line has the name before it, and cannot be broken there; another has the blanks at which it was.
  const before = start === 0 ? name.length + 2 : start - line.slice(0, start).trimEnd().length;
  const longest = Math.max(SHORTEST_ENCODED, LINE - before);
  const encoding = 2 * part.replace(BEYOND_ASCII, '').length > part.length ? 'Q' : 'B';
  const words = chunks(part, encoding, longest).map((chunk) => libmime.encodeWord(chunk, encoding));
  return fold(name, line.slice(0, start) + words.join(' ') + line.slice(end));
}

/** Parts of a text that are encoded as one word each: libmime before 5.5 cuts characters beyond the basic plane in two. */
function chunks(text: string, encoding: 'Q' | 'B', longest: number): string[] {
  const room = longest - EMPTY_WORD;
  // A blank or a hyphen at an end may be escaped, too.
  const most = encoding === 'B' ? Math.floor(room / 4) * 3 : room - 4;
  const found: string[] = [];
  let [start, at, size] = [0, 0, 0];
  for (const char of text) {
    const bytes = Buffer.byteLength(char);
    const needed = encoding === 'B' ? bytes : PLAIN.test(char) ? 1 : 3 * bytes;
    if (size + needed > most) {
      found.push(text.slice(start, at));
      [start, size] = [at, 0];
    }
    at += char.length;
    size += needed;
  }
  return [...found, text.slice(start)];
}

/** From where to where a text has to be encoded: whole words, so that blanks are left around them. */
function foreignPart(line: string): [start: number, end: number] {
  // Words and the blanks between them by turns; a word at either end may be empty.
  const parts = line.split(BLANKS);
  const width = (index: number): number => parts[index]?.length ?? 0;
  let [start, end, at] = [line.length, 0, 0];
  for (const [index, part] of parts.entries()) {
    if (index % 2 === 0) {
      if (part.length > LONGEST_WORD || FOREIGN.test(part)) {
        start = Math.min(start, at);
        end = at + part.length;
      }
    } else if (part.length > MOST_BLANKS || width(index - 1) === 0 || width(index + 1) === 0) {
      start = Math.min(start, at - width(index - 1));
      end = at + part.length + width(index + 1);
    }
    at += part.length;
  }
  return start < end ? [start, end] : [0, 0];
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
