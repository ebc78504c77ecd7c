import { statSync } from 'node:fs';

/** What the switches of the command line take. */

/** @param {string} name @param {string} text @param {readonly string[]} known @returns {string[]} */
export function choice(name, text, known) {
  const chosen = text.split(',').filter(Boolean);
  const wrong = chosen.find((one) => !known.includes(one));
  if (wrong !== undefined) throw new Error(`--${name}: there is no ${wrong}, only ${known.join(', ')}`);
  return chosen;
}

/** @param {string} name @param {string} text @returns {number[]} */
export function numbers(name, text) {
  const values = text.split(',').filter(Boolean).map(Number);
  if (values.some((value) => !Number.isInteger(value) || value < 1))
    throw new Error(`--${name}: not a number in ${text}`);
  return values;
}

/** @param {string | undefined} file */
export function moduleFile(file) {
  if (file !== undefined && !statSync(file, { throwIfNoEntry: false })?.isFile())
    throw new Error(`--filter: there is no file ${file}`);
  return file;
}
