import type { Layout, Piece } from '../layout.js';
import { Malformed } from '../malformed.js';
import { decodeText } from '../text.js';
import { NUL } from './nul.js';

/** Macros that belong to the event that follows. */
export interface MacroFields {
  /** The letter of the command that they belong to; may be one that nobody knows. */
  readonly target: string;
  /** Names as the MTA wrote them (`i`, `{auth_authen}`) and values, in order. A value may be missing. */
  readonly macros: readonly (readonly [name: string, value: string | undefined])[];
}

/** A command letter and any number of name-value pairs, none included. */
export const macro: Layout<MacroFields> = {
  doc: 'u8 command, (str name, str value)...',
  decode(data, start, end) {
    if (end === start) throw new Malformed('no command letter');
    return { target: String.fromCharCode(data[start] ?? 0), macros: decodeMacros(data, start + 1, end) };
  },
  encode(fields) {
    const pieces: Piece[] = [Uint8Array.of(fields.target.charCodeAt(0))];
    for (const [name, value] of fields.macros) {
      pieces.push(name, NUL);
      if (value !== undefined) pieces.push(value, NUL);
    }
    return pieces;
  },
};

/** Reads the pairs of a macro frame. A last name without value is accepted (libmilter does): its value is absent. */
export function decodeMacros(data: Buffer, start: number, end: number): [string, string | undefined][] {
  if (end > start && data[end - 1] !== 0) throw new Malformed('the last macro has no NUL at its end');
  const macros: [string, string | undefined][] = [];
  let name: string | undefined;
  for (let at = start; at < end;) {
    const stop = data.indexOf(0, at);
    const text = decodeText(data, at, stop);
    if (name === undefined) {
      name = text;
    } else {
      macros.push([name, text]);
      name = undefined;
    }
    at = stop + 1;
  }
  if (name !== undefined) macros.push([name, undefined]);
  return macros;
}
