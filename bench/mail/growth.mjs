import { fields, ORDINARY, recipients, text } from './mail.mjs';
import { WORKS } from './works.mjs';

/** What of a message grows. */

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;

/**
 * @typedef {object} Growth
 * @property {string} unit what one more of it is
 * @property {number} per how many of the size make one unit
 * @property {readonly number[]} sizes
 * @property {readonly number[]} few those of a quick run
 * @property {(size: number) => import('./mail.mjs').Mail} mail
 */

/** @type {Record<string, Growth>} */
export const GROWTH = {
  headers: {
    unit: 'header',
    per: 1,
    sizes: [10, 30, 100, 300, 1000],
    few: [10, 100],
    mail: (size) => ({ ...ORDINARY, fields: fields(size) }),
  },
  recipients: {
    unit: 'recipient',
    per: 1,
    sizes: [1, 10, 100, 1000],
    few: [1, 100],
    mail: (size) => ({ ...ORDINARY, recipients: recipients(size) }),
  },
  body: {
    unit: 'MB',
    per: MEBIBYTE,
    sizes: [2 * KIBIBYTE, 16 * KIBIBYTE, 128 * KIBIBYTE, MEBIBYTE, 4 * MEBIBYTE, 16 * MEBIBYTE],
    few: [2 * KIBIBYTE, MEBIBYTE],
    mail: (size) => ({ ...ORDINARY, body: text(size) }),
  },
};

/** The works that are done with what grows: one that only looks, one that collects. */
export const GROWING_WORKS = ['b', 'g'];

/** @typedef {{ kind: string, size: number }} Grown */

/** A work, with the mail that a cell has for it. @param {{ work: string, grown?: Grown | undefined }} cell @returns {import('./works.mjs').Work} */
export function workOf({ work, grown }) {
  return grown === undefined ? WORKS[work] : { ...WORKS[work], mail: GROWTH[grown.kind].mail(grown.size) };
}
