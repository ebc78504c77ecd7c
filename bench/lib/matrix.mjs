import { MEMORY_WORKS } from '../mail/memory-works.mjs';
import { WORKS } from '../mail/works.mjs';
import { AGAINST, COLLECTING } from './options.mjs';
import { openFiles } from './spawn.mjs';

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

/** The bare server that does as much as a cell needs: its floor. @param {Cell} cell */
export function floorOf({ mode, work }) {
  if (mode === 'busy') return WORKS[work].floor;
  return mode === 'idle' ? 'floor' : MEMORY_WORKS[work].floor;
}

/**
 * Who takes part in a cell: beside the plain floor the one that does what the work is about; of large messages the others
 * know nothing.
 * @param {Cell} cell @param {readonly string[]} targets
 */
export function targetsOf(cell, targets) {
  const floors = cell.mode === 'memory' ? [floorOf(cell)] : ['floor', floorOf(cell)];
  const others =
    cell.mode === 'memory' ? ['rxmilter', COLLECTING, AGAINST] : ['rxmilter', 'libmilter', AGAINST];
  return targets.filter((target) => floors.includes(target) || others.includes(target));
}

/** The same list from another start, so that no target always comes first. @template T @param {readonly T[]} list @param {number} by @returns {T[]} */
export function rotate(list, by) {
  const start = by % Math.max(1, list.length);
  return [...list.slice(start), ...list.slice(0, start)];
}
