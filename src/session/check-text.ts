import { quote } from '../common/printable.js';
import { messageOf, textOf } from '../common/text-of.js';
import { AnswerError } from './errors.js';

/** Text that is written as UTF-8, or the exact bytes (what an event has as `raw`). */
export type Text = string | Uint8Array;

const NAME = /^[!-9;-~]+$/;
/** Also a line of blanks (RFC 5322, 3.2.2), which some mail servers take for the end of the header. */
const BAD_IN_VALUE = /\0|\r(?!\n)|\n(?![ \t])|\n[ \t]+(?=\r?\n|$)/;
const BREAKS = /[\r\n\0]/;
const FAULTS: Readonly<Record<string, string>> = {
  '\0': 'NUL',
  '\r': 'a bare CR',
  '\n': 'a line break without a blank or tab after it',
};
const NOT_IN_ADDRESS = /[\0-\x20\x7f]/;
/** An address that needs no look at its parts. */
const PLAIN = /^<[!#-;=?-~]+>$/;
const CONTROL = /[\0-\x1f\x7f]/;

/** Throws for a text that a header may not have as its name (RFC 5322, 2.2). */
export function checkHeaderName(what: string, name: string): void {
  if (typeof name === 'string' && NAME.test(name)) return;
  throw new AnswerError(
    `${what}: ${quote(name)} is not a header name. Use printable ASCII without blanks and without a colon.`,
  );
}

/** Checks a header value and gives it as it is on the wire: folded by a single LF and a blank or tab. */
export function headerValue(what: string, value: Text): Text {
  const binary = binaryOf(what, value);
  // The usual value is one line.
  if (!BREAKS.test(binary)) return value;
  const bad = BAD_IN_VALUE.exec(binary);
  if (bad !== null) {
    const name = FAULTS[bad[0]] ?? 'a continuation line of blanks alone';
    throw new AnswerError(
      `${what}: the value holds ${name} at character ${bad.index}. ` +
        'Fold with a line feed and a tab, and make one line of what comes from outside with headerText().',
    );
  }
  const folded = binary.replaceAll('\r\n', '\n');
  return typeof value === 'string' ? folded : Buffer.from(folded, 'latin1');
}

const MENDED = /\0|\r(?!\n)|\r?\n(?![ \t])|\r?\n[ \t]+(?=\r?\n|$)/g;

/** The same for a value that is mended where it is wrong: blanks take the place of what cannot stand there. */
export function mendedValue(what: string, value: Text): { readonly value: Text; readonly fault?: string } {
  try {
    return { value: headerValue(what, value) };
  } catch (error) {
    if (typeof value !== 'string' && !(value instanceof Uint8Array)) throw error;
    let binary = binaryOf(what, value);
    while (BAD_IN_VALUE.test(binary)) binary = binary.replace(MENDED, ' ');
    const mended = typeof value === 'string' ? binary : Buffer.from(binary, 'latin1');
    return { value: headerValue(what, mended), fault: messageOf(error) };
  }
}

/** Checks an address and gives it with angle brackets, as MTAs have it; bytes are left as they are. */
export function checkAddress(what: string, address: Text, empty: boolean): Text {
  if (typeof address === 'string' && PLAIN.test(address)) return address;
  const binary = binaryOf(what, address);
  const unquoted = withoutQuoted(binary);
  if (NOT_IN_ADDRESS.test(unquoted)) {
    throw new AnswerError(`${what}: the address ${quote(address)} holds a blank or a control character.`);
  }
  const isBracketed = unquoted.startsWith('<') && unquoted.endsWith('>');
  const bare = isBracketed ? unquoted.slice(1, -1) : unquoted;
  if (bare === '' && !empty) throw new AnswerError(`${what}: the address is empty.`);
  if (/[<>]/.test(bare)) {
    throw new AnswerError(`${what}: the address ${quote(address)} has angle brackets within.`);
  }
  return typeof address === 'string' && !isBracketed ? `<${binary}>` : address;
}

/** An address without what is in its quotes: blanks and brackets may be, control characters not (RFC 5321, 4.1.2). */
function withoutQuoted(address: string): string {
  let rest = '';
  let from = 0;
  for (let open = address.indexOf('"'); open !== -1; open = address.indexOf('"', from)) {
    let end = open + 1;
    while (end < address.length && address[end] !== '"') {
      if (address[end] === '\\') end++;
      if (CONTROL.test(address[end] ?? '')) return address;
      end++;
    }
    // One that is never closed is text like any other.
    if (end >= address.length) break;
    rest += `${address.slice(from, open)}""`;
    from = end + 1;
  }
  return rest + address.slice(from);
}

/** Gives a copy of the ESMTP arguments, each read once; throws for one that is malformed. */
export function checkArguments(what: string, args: readonly string[]): readonly string[] {
  if (!Array.isArray(args)) {
    throw new AnswerError(`${what}: the arguments are ${quote(args)}, and not a list like ['NOTIFY=NEVER'].`);
  }
  const copy: readonly unknown[] = Array.from(args as readonly unknown[]);
  for (const arg of copy) {
    if (typeof arg !== 'string' || arg === '' || NOT_IN_ADDRESS.test(arg)) {
      throw new AnswerError(
        `${what}: ${quote(arg)} is not an ESMTP argument. Use one string for each, like 'NOTIFY=NEVER'.`,
      );
    }
  }
  return copy as readonly string[];
}

/** One line of a text, mended where it is none; throws for an empty one. */
export function mendedLine(what: string, text: Text): { readonly value: Text; readonly fault?: string } {
  const binary = binaryOf(what, text);
  const fault = `${what}: ${quote(text)} has to be one line of text, and not empty.`;
  if (/^[\r\n\0]*$/.test(binary)) throw new AnswerError(fault);
  if (!/[\r\n\0]/.test(binary)) return { value: text };
  const mended = binary.replace(/[\r\n\0]+/g, ' ');
  return { value: typeof text === 'string' ? mended : Buffer.from(mended, 'latin1'), fault };
}

/** Throws for a number that cannot count headers. */
export function checkHeaderIndex(what: string, index: number): void {
  if (Number.isInteger(index) && index >= 1 && index <= 0x7fffffff) return;
  throw new AnswerError(`${what}: the index ${textOf(index)} is not a whole number from 1.`);
}

function binaryOf(what: string, text: Text): string {
  if (typeof text === 'string') return text;
  if (text instanceof Uint8Array)
    return Buffer.from(text.buffer, text.byteOffset, text.length).toString('latin1');
  throw new AnswerError(`${what}: ${textOf(text)} is neither a string nor bytes.`);
}

/** A fold, which is no part of the text; and control characters with Unicode's line ends. */
const FOLD = /\r?\n(?=[ \t])/g;
const CONTROLS = /[\p{Cc}\u2028\u2029]+/gu;

/**
 * Makes one line of any text, for header values and reply texts.
 *
 * @remarks
 * A value with CR, LF or NUL is mended where it is written, and each time reported. Here folds are taken out, other runs of control characters become one
 * blank, and blanks at both ends are cut off. `draft.headers.setText()` also encodes it.
 *
 * @param maxBytes cuts what is more, in UTF-8, between two characters; a line of a reply has at most 980
 *   bytes
 * @throws AnswerError where `text` is not a string
 * @example on('header', ({ value }) => (isBad(value) ? reject(`Not with ${headerText(value, 200)}`) : undefined))
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
