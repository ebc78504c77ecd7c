import { LETTERS } from './mta-command.js';

/** A frame, or the end of what can be read. */
export interface SplitFrames {
  readonly frames: readonly { readonly letter: string; readonly data: Buffer }[];
  /** `broken`: what follows is no frame; `cut`: the last one is not whole; `whole`: nothing follows. */
  readonly end: 'broken' | 'cut' | 'whole';
}

/** The most that the length of a frame may say: its letter and 65535 bytes. */
const LONGEST = 65_536;

/** Splits bytes into the frames of chapter 1 of the protocol, in the plainest way. */
export function splitFrames(bytes: Buffer): SplitFrames {
  const frames: { letter: string; data: Buffer }[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (bytes.length - at < 4) return { frames, end: 'cut' };
    const length = bytes.readUInt32BE(at);
    if (length === 0 || length > LONGEST) return { frames, end: 'broken' };
    if (bytes.length - at < 5) return { frames, end: 'cut' };
    const letter = bytes.toString('latin1', at + 4, at + 5);
    if (!`${LETTERS}O`.includes(letter)) return { frames, end: 'broken' };
    if (bytes.length - at < 4 + length) return { frames, end: 'cut' };
    frames.push({ letter, data: bytes.subarray(at + 5, at + 4 + length) });
    at += 4 + length;
  }
  return { frames, end: 'whole' };
}
