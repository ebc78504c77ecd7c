/**
 * How bytes are cut on their way: as they were written, each byte by itself, or at random places that are the same ones
 * for the same seed.
 */
export type Chunking = 'whole' | 'bytes' | { readonly seed: number };

/** Makes what cuts bytes like that. */
export function cutter(chunking: Chunking): (bytes: Buffer) => readonly Buffer[] {
  if (chunking === 'whole') return (bytes) => [bytes];
  if (chunking === 'bytes') return (bytes) => Array.from(bytes, (_byte, at) => bytes.subarray(at, at + 1));
  const random = randomFrom(chunking.seed);
  return (bytes) => {
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length;) {
      // Mostly short ones: a length that is a power of two, as likely as any other.
      const length = 1 + Math.floor(2 ** (random() * 12));
      pieces.push(bytes.subarray(at, at + length));
      at += length;
    }
    return pieces;
  };
}

/** Numbers from 0 to below 1 that look random (a linear congruential generator modulo 2^32). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
