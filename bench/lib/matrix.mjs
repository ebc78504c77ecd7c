import { MEMORY_WORKS } from './memory-works.mjs';
import { AGAINST, COLLECTING } from './options.mjs';
import { openFiles } from './spawn.mjs';
import { WORKS } from './works.mjs';

/** @typedef {import('./measure.mjs').Cell} Cell */

const SPARE_FILES = 100;

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

/**
 * Who takes part in a cell: hashing is a target of its own where the work is hashing; of large messages the others know
 * nothing.
 * @param {Cell} cell @param {readonly string[]} targets
 */
export function targetsOf(cell, targets) {
  const hashes =
    cell.mode === 'memory' ? MEMORY_WORKS[cell.work].floor : cell.mode === 'busy' && cell.work === 'd';
  const known =
    cell.mode === 'memory'
      ? ['rxmilter', COLLECTING, AGAINST, 'floor-sha256']
      : targets.filter((target) => target !== COLLECTING);
  return targets.filter((target) => known.includes(target) && (target !== 'floor-sha256' || hashes));
}

/** The same list from another start, so that no target always comes first. @template T @param {readonly T[]} list @param {number} by @returns {T[]} */
export function rotate(list, by) {
  const start = by % Math.max(1, list.length);
  return [...list.slice(start), ...list.slice(0, start)];
}
