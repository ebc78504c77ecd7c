import type { Layout, Piece } from '../layout.js';
import { Malformed } from '../malformed.js';
import { decodeText } from '../text.js';
import { NUL, findNul } from './nul.js';
import { u32 } from './u32.js';

/** What one end offers, or what the other makes of it. */
export interface OptnegFields {
  readonly version: number;
  /** Bits of `SMFIF`. */
  readonly actions: number;
  /** Bits of `SMFIP`. */
  readonly protocol: number;
  /** Symbol lists of a filter's answer: stage number (libmilter's `SMFIM_*`) and macro names with blanks between. */
  readonly lists: readonly (readonly [stage: number, macros: string])[];
}

const NO_LISTS: readonly (readonly [number, string])[] = Object.freeze([]);

/** Three words and, in an answer, any number of symbol lists. */
export const optneg: Layout<OptnegFields> = {
  doc: 'u32 version, u32 actions, u32 protocol [, (u32 stage, str macros)...]',
  decode(data, start, end) {
    if (end - start < 12) throw new Malformed(`${end - start} bytes instead of 12 or more`);
    return {
      version: data.readUInt32BE(start),
      actions: data.readUInt32BE(start + 4),
      protocol: data.readUInt32BE(start + 8),
      lists: end === start + 12 ? NO_LISTS : decodeLists(data, start + 12, end),
    };
  },
  encode(fields) {
    const pieces: Piece[] = [u32(fields.version), u32(fields.actions), u32(fields.protocol)];
    for (const [stage, macros] of fields.lists) pieces.push(u32(stage), macros, NUL);
    return pieces;
  },
};

function decodeLists(data: Buffer, start: number, end: number): [number, string][] {
  const lists: [number, string][] = [];
  for (let at = start; at < end;) {
    if (end - at < 4) throw new Malformed(`the stage of a symbol list has ${end - at} bytes instead of 4`);
    const stop = findNul(data, at + 4, end, 'a symbol list');
    lists.push([data.readUInt32BE(at), decodeText(data, at + 4, stop)]);
    at = stop + 1;
  }
  return lists;
}
