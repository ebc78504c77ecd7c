import { WORKS } from '../mail/works.mjs';

/** @typedef {import('./summary.mjs').Figure} Figure */

/**
 * @typedef {object} Row one work over unix sockets, at 100 connections, or as many as it has
 * @property {string} work
 * @property {string} label
 * @property {number} connections
 * @property {Figure | undefined} floor
 * @property {Figure | undefined} rxmilter
 * @property {Figure | undefined} libmilter
 */

const CONNECTIONS = 100;

/** @param {import('./summary.mjs').Results} results @returns {Row[]} */
export function overview({ figures }) {
  return Object.entries(WORKS).map(([work, { label, floor }]) => {
    const own = figures.filter(
      (one) => one.work === work && one.transport === 'unix' && one.grown === undefined,
    );
    const connections = Math.max(
      ...own.map((one) => one.connections).filter((count) => count <= CONNECTIONS),
    );
    const of = (/** @type {string} */ target) =>
      own.find((one) => one.target === target && one.connections === connections);
    return {
      work,
      label,
      connections,
      floor: of(floor),
      rxmilter: of('rxmilter'),
      libmilter: of('libmilter'),
    };
  });
}

/** @param {number} microseconds */
export function duration(microseconds) {
  const [value, unit] = microseconds >= 1000 ? [microseconds / 1000, 'ms'] : [microseconds, 'µs'];
  return `${value >= 10 ? value.toFixed(0) : value.toFixed(1)} ${unit}`;
}
