import { frame } from './wire.mjs';

/**
 * @typedef {(space: string) => Buffer} Change what one change at the end of the message has to look like; `space` is what
 * stands before a header's value where the leading space was negotiated
 */

/** @param {string} name @param {string} value @returns {Change} */
export const added = (name, value) => (space) => frame('h', `${name}\0${space}${value}\0`);

/** The first header of that name gets another value. @param {string} name @param {string} value @returns {Change} */
const changed = (name, value) => (space) =>
  frame('m', Uint8Array.of(0, 0, 0, 1), `${name}\0${space}${value}\0`);

/** @param {string} address @returns {Change} */
const removedRecipient = (address) => () => frame('-', `<${address}>\0`);

/** @param {string} address @returns {Change} */
const addedRecipient = (address) => () => frame('+', `<${address}>\0`);

/** The bytes that work (i) wants; its filters know the number, too. */
export const PREFIX = 1024;

export const marked = () => [added('X-Bench', '1')];

/** What a filter that has collected the message can say of it. @param {import('./mail.mjs').Mail} mail @param {number} bytes those of the body that it has */
export const counted = ({ fields }, bytes) => added('X-Bench', `${fields.length} fields, ${bytes} bytes`);

/** @param {import('./mail.mjs').Mail} mail */
export const collected = (mail) => [counted(mail, mail.body.length)];

/** The recipient that is replaced, in the middle of them, and the new one; the filters know these names, too. */
const replaced = (/** @type {readonly string[]} */ of) => of[of.length >> 1];

/** @param {import('./mail.mjs').Mail} mail */
export const edited = (mail) => [
  changed('Subject', `[bench] ${mail.fields.find(([name]) => name === 'Subject')?.[1]}`),
  ...collected(mail),
  removedRecipient(replaced(mail.recipients)),
  addedRecipient('carol@example.net'),
];
