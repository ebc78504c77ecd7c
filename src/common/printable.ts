/**
 * What a terminal or a reader of a log would obey instead of showing: C0 and C1 controls, DEL, the line and paragraph
 * separators of Unicode, and the characters that turn the direction of text round.
 */
const CONTROLS = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** More of a text than this many characters is not quoted in a message, by default. */
const QUOTED = 200;

/** A text in which control characters are shown as escapes, such as `\x1b`, so that it is one line and only text. */
export function printable(text: string): string {
  return text.replace(CONTROLS, escaped);
}

/** The same of at most `most` characters of the text; three dots stand for what was cut off. */
export function excerpt(text: string, most = QUOTED): string {
  // Cut first: what is quoted comes from outside, and may have any length.
  return text.length <= most ? printable(text) : `${printable(text.slice(0, most))}…`;
}

function escaped(character: string): string {
  const code = character.charCodeAt(0);
  switch (character) {
    case '\n':
      return '\\n';
    case '\r':
      return '\\r';
    case '\t':
      return '\\t';
    default:
      return code < 0x100
        ? `\\x${code.toString(16).padStart(2, '0')}`
        : `\\u${code.toString(16).padStart(4, '0')}`;
  }
}
