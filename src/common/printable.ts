import { quietly, textOf } from './text-of.js';

/** Ends a sentence, unless it has an end already: a question keeps its mark. */
export function sentence(text: string): string {
  return /[.?!…]["')]?$/.test(text) ? text : `${text}.`;
}

/** Characters that a terminal obeys: C0 and C1 controls, DEL, Unicode's separators of lines, and directions of text. */
const CONTROL = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f]/u;
const CONTROLS = new RegExp(CONTROL, 'gu');
/** The same without line feeds and tabs, which a text of several lines may have. */
const CONTROLS_IN_TEXT = new RegExp(`(?![\\n\\t])${CONTROL.source}`, 'gu');

/** So many characters of a text are quoted in a message, by default. */
const QUOTED = 200;

/** A text in which control characters are shown as escapes, such as `\x1b`, so that it is one line and only text. */
export function printable(text: string): string {
  return CONTROL.test(text) ? text.replace(CONTROLS, escaped) : text;
}

/** The same of at most `most` characters of the text; three dots stand for what was cut off. */
export function excerpt(text: string, most = QUOTED): string {
  // Cut first: what is quoted comes from outside, and may have any length.
  return text.length <= most ? printable(text) : `${printable(text.slice(0, most))}…`;
}

/** A text of several lines in which a dot stands for each other control character: nothing in it grows. */
export function dotted(text: string): string {
  return text.replace(CONTROLS_IN_TEXT, '·');
}

/** JSON in which the control characters that `JSON.stringify` leaves as they are, such as DEL, are escapes, too. */
export function printableJson(value: unknown, space?: number): string {
  // Outside of strings there are only line feeds, where it is indented.
  return JSON.stringify(value, undefined, space).replace(CONTROLS_IN_TEXT, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** A value as a message quotes it: a string in double quotes, all else as JSON; cut, and only text. Never throws. */
export function quote(value: unknown, most = QUOTED): string {
  if (typeof value === 'string') {
    return printableJson(value.length <= most ? value : `${value.slice(0, most)}…`);
  }
  // One within itself, a BigInt, or a getter that throws has none.
  const json: unknown = quietly(() => JSON.stringify(value));
  return excerpt(typeof json === 'string' ? json : textOf(value), most);
}

function escaped(character: string): string {
  if ('\n\r\t'.includes(character)) return JSON.stringify(character).slice(1, -1);
  const hex = character.charCodeAt(0).toString(16);
  return hex.length <= 2 ? `\\x${hex.padStart(2, '0')}` : `\\u${hex.padStart(4, '0')}`;
}
