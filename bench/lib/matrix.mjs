import { GROWING_WORKS, GROWTH } from '../mail/growth.mjs';
import { WORKS } from '../mail/works.mjs';
import { openFiles } from './spawn.mjs';

/** @typedef {import('./measure.mjs').Cell} Cell */

const SPARE_FILES = 100;
const GROWING_CONNECTIONS = 8;
const ALLOWANCE = 60_000; // milliseconds to begin and to end; a message has one

/** What a run measures, in order. @param {import('./options.mjs').Options} options @returns {Cell[]} */
export function busyCells({ works, transports, connections }) {
  return works.flatMap((work) =>
    transports.flatMap((transport) =>
      (connections ?? WORKS[work].connections).map((count) => ({
        mode: /** @type {const} */ ('busy'),
        work,
        transport,
        connections: count,
      })),
    ),
  );
}

/** Idle connections are held over unix sockets, where no ports can run out. @param {import('./options.mjs').Options} options */
export function idleCells({ idle }) {
  const files = openFiles();
  const fits = (/** @type {number} */ count) => count + SPARE_FILES <= files;
  return {
    cells: idle
      .filter(fits)
      .map(
        (connections) => /** @type {Cell} */ ({ mode: 'idle', work: 'a', transport: 'unix', connections }),
      ),
    skipped: idle
      .filter((count) => !fits(count))
      .map((count) => `${count} idle connections: a process may open ${files} files here (ulimit -n)`),
  };
}

/** Large messages, over unix sockets. @param {import('./options.mjs').Options} options @returns {Cell[]} */
export function memoryCells({ memory, large, megabytes }) {
  return memory.flatMap((work) =>
    large.map((connections) => ({
      mode: /** @type {const} */ ('memory'),
      work,
      transport: /** @type {const} */ ('unix'),
      connections,
      megabytes,
    })),
  );
}

/** What of a message, or how many of them, over unix sockets. @param {import('./options.mjs').Options} options @returns {Cell[]} */
export function growthCells({ growth, connections, messages, quick }) {
  const common = {
    transport: /** @type {const} */ ('unix'),
    connections: connections?.[0] ?? GROWING_CONNECTIONS,
  };
  const cells = (/** @type {string} */ kind, /** @type {string} */ work) => {
    if (kind === 'messages')
      return [
        { mode: /** @type {const} */ ('messages'), work, ...common, messages, limit: ALLOWANCE + messages },
      ];
    const sizes = GROWTH[kind][quick ? 'few' : 'sizes'];
    return sizes.map((size) => ({
      mode: /** @type {const} */ ('busy'),
      work,
      ...common,
      grown: { kind, size },
    }));
  };
  return growth.flatMap((kind) => GROWING_WORKS.flatMap((work) => /** @type {Cell[]} */ (cells(kind, work))));
}

/** The same list from another start, so that no target always comes first. @template T @param {readonly T[]} list @param {number} by @returns {T[]} */
export function rotate(list, by) {
  const start = by % Math.max(1, list.length);
  return [...list.slice(start), ...list.slice(0, start)];
}
