/**
 * @typedef {object} MemoryWork what a filter does with one large message
 * @property {string} title
 * @property {boolean} rewrites whether it gives back a new body; else it says the sha256 of the one it got
 * @property {string} [floor] the bare server that does the same, where there is one
 */

/** @type {Record<string, MemoryWork>} */
export const MEMORY_WORKS = {
  iterable: { title: 'streamed, hashed in for await', rewrites: false, floor: 'floor-sha256' },
  observable: { title: 'streamed, hashed as an Observable', rewrites: false, floor: 'floor-sha256' },
  readable: { title: 'streamed, hashed as a Readable', rewrites: false, floor: 'floor-sha256' },
  spooled: { title: 'collected in a file, rewritten by a generator', rewrites: true },
  whole: { title: 'collected in memory, rewritten at once', rewrites: true },
};
