/**
 * @typedef {object} MemoryWork what a filter does with one large message
 * @property {string} title
 * @property {boolean} rewrites whether it gives back a new body; else it says the sha256 of the one it got
 * @property {boolean} floor whether a bare server can do the same
 */

/** @type {Record<string, MemoryWork>} */
export const MEMORY_WORKS = {
  iterable: { title: 'streamed, hashed in for await', rewrites: false, floor: true },
  observable: { title: 'streamed, hashed as an Observable', rewrites: false, floor: true },
  readable: { title: 'streamed, hashed as a Readable', rewrites: false, floor: true },
  spooled: { title: 'collected in a file, rewritten by a generator', rewrites: true, floor: false },
  whole: { title: 'collected in memory, rewritten at once', rewrites: true, floor: false },
};
