import { median } from '../lib/stats.mjs';

/**
 * @typedef {object} Sample
 * @property {import('../lib/measure.mjs').Cell} cell
 * @property {string} target
 * @property {number} round
 * @property {Record<string, any>} result
 */

export const MEBIBYTE = 1024 * 1024;

/** @param {number} value not a number where a window was too short for the clock's ticks */
export function short(value) {
  if (!Number.isFinite(value)) return '-';
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2);
}

/** @param {number} quotient */
export const times = (quotient) => (Number.isFinite(quotient) ? quotient.toFixed(2) : '-');

/** Groups by a key, in order of appearance. @template T @param {readonly T[]} list @param {(item: T) => string} key @returns {Map<string, T[]>} */
export function groups(list, key) {
  const map = new Map();
  for (const item of list) map.set(key(item), [...(map.get(key(item)) ?? []), item]);
  return map;
}

/** The median of the quotients of CPU to others of the same rounds. @param {readonly Sample[]} own @param {readonly Sample[]} others */
export function ratio(own, others) {
  const quotients = own.flatMap(({ round, result }) => {
    const other = others.find((sample) => sample.round === round);
    // A window may be too short for the clock's ticks.
    return other && other.result.cpu > 0 ? [result.cpu / other.result.cpu] : [];
  });
  return quotients.length > 0 ? median(quotients).toFixed(2) : '';
}
