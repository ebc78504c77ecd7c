import { frames } from './vectors.js';

/** Bytes, or the id of a vector. */
export type Bytes = Buffer | string;

/** All of that, one after the other. */
export function bytesOf(...what: readonly Bytes[]): Buffer {
  return Buffer.concat(what.map((one) => (typeof one === 'string' ? frames(one) : one)));
}

/** A frame made by hand: its letter and its data, written as Latin-1. */
export function frame(letter: string, data: string | Uint8Array = ''): Buffer {
  const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length + 1);
  head.write(letter, 4, 'latin1');
  return Buffer.concat([head, bytes]);
}

/** The frames in these bytes, each in hexadecimal. Throws where the last is not whole. */
export function framesIn(bytes: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) throw new Error(`Not whole frames: ${bytes.toString('hex', at)}`);
    found.push(bytes.toString('hex', at, end));
    at = end;
  }
  return found;
}

/** What one expects to hear: ids of vectors, or bytes. */
export function said(...what: readonly Bytes[]): string[] {
  return framesIn(bytesOf(...what));
}

/** An offer or an answer of these three words. */
export function optneg(version: number, actions: number, protocol: number): Buffer {
  const words = Buffer.alloc(12);
  words.writeUInt32BE(version);
  words.writeUInt32BE(actions >>> 0, 4);
  words.writeUInt32BE(protocol >>> 0, 8);
  return frame('O', words);
}
