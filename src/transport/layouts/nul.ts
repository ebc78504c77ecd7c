import { Malformed } from '../malformed.js';

/** The terminator of every string of the protocol. */
export const NUL = new Uint8Array(1);

/** Where the string that begins at `start` ends. Throws where no NUL ends it before `end`. */
export function findNul(data: Buffer, start: number, end: number, what: string): number {
  const at = data.indexOf(0, start);
  if (at === -1 || at >= end) throw new Malformed(`${what} has no NUL at its end`);
  return at;
}
