import { added, collected, counted, edited, marked, PREFIX } from './changes.mjs';
import { LARGE_BODY, LARGE_BODY_DIGEST, MEDIUM_BODY, ORDINARY, recipients } from './mail.mjs';
import { frame } from './wire.mjs';

/** @typedef {import('./mail.mjs').Mail} Mail */

/**
 * @typedef {object} Work one job for a filter, the same for every target
 * @property {string} label in a few words, for tables and charts
 * @property {string} title
 * @property {Mail} mail
 * @property {(mail: Mail) => readonly import('./changes.mjs').Change[]} changes what the filter changes at the end of the message, in order
 * @property {Buffer} [refusal] what each recipient is answered, when that is not "continue"; nothing follows then
 * @property {boolean} [sessionPerMessage] each message on a connection of its own
 * @property {boolean} [skips] the first piece of the body is answered with SKIP, and no further one is sent
 * @property {number[]} connections the loads of a full run
 * @property {number} actions what the filter wants to change
 * @property {number} protocol the floor's negotiation answer as long as there is no library to copy it from
 * @property {'floor' | 'floor-sha256' | 'floor-file'} floor the bare server that does as much as this needs
 * @property {string} [basis] the work that it is compared with, too: the same without what it is about
 */

const ADDS = 0x1;
const EDITS = 0x1 | 0x4 | 0x8 | 0x10; // headers added and changed, recipients added and removed
const SILENT = 0xff080;
const NO_UNKNOWN = 0x100;
const OBSERVED = (SILENT & ~0x20000) | NO_UNKNOWN;
const COLLECTED = 0x8f3c0;
const LOADS = [1, 100, 1000];

const plain = {
  mail: ORDINARY,
  changes: marked,
  connections: LOADS,
  actions: ADDS,
  floor: /** @type {const} */ ('floor'),
};
const fifty = { ...ORDINARY, recipients: recipients(50) };

/** @type {Record<string, Work>} */
export const WORKS = {
  a: {
    ...plain,
    label: 'every event answered',
    title: 'every event answered, one header added at the end of the message',
    protocol: NO_UNKNOWN,
  },
  b: {
    ...plain,
    label: 'events only observed',
    title: 'every event observed without a reply, one header added at the end of the message',
    protocol: OBSERVED,
  },
  c: {
    ...plain,
    label: 'end of message only',
    title: 'only the end of the message wanted, one header added there',
    protocol: 0x37c | 0x3000,
  },
  d: {
    ...plain,
    label: 'sha256 over 10 MiB',
    title: 'sha256 over a body of 10 MiB, the digest added as a header',
    mail: { ...ORDINARY, body: LARGE_BODY },
    changes: () => [added('X-SHA256', LARGE_BODY_DIGEST)],
    connections: [1, 8],
    protocol: 0x36c | 0x3000 | 0x80000,
    floor: 'floor-sha256',
  },
  e: {
    ...plain,
    label: 'recipient refused',
    title: 'the only recipient refused, every event answered',
    changes: () => [],
    refusal: frame('y', '550 5.1.1 No such user\0'),
    protocol: NO_UNKNOWN,
  },
  f: {
    ...plain,
    label: 'a connection each',
    title: 'as (b), but each message on a connection of its own',
    sessionPerMessage: true,
    connections: [100],
    protocol: OBSERVED,
  },
  g: {
    ...plain,
    label: 'message collected',
    title: 'the whole message collected, one header added at its end',
    changes: collected,
    protocol: COLLECTED,
  },
  h: {
    ...plain,
    label: 'collected, no body',
    title: 'envelope and header collected, no body, one header added at the end of the message',
    changes: (mail) => [counted(mail, 0)],
    protocol: 0xf3d0,
  },
  i: {
    ...plain,
    label: 'only 1 KiB collected',
    title: 'header and the first 1024 bytes of 1 MiB collected, the rest skipped, one header added',
    mail: { ...ORDINARY, body: MEDIUM_BODY },
    changes: (mail) => [counted(mail, PREFIX)],
    skips: true,
    connections: [1, 100],
    protocol: 0xf7c0,
  },
  j: {
    ...plain,
    label: 'message edited',
    title: 'the whole message edited: subject changed, one header added, the recipient replaced',
    changes: edited,
    actions: EDITS,
    protocol: COLLECTED,
    basis: 'g',
  },
  k: {
    ...plain,
    label: '50 recipients',
    title: 'as (g), with 50 recipients',
    mail: fifty,
    changes: collected,
    connections: [1, 100],
    protocol: COLLECTED,
  },
  l: {
    ...plain,
    label: '50 recipients, edited',
    title: 'as (j), with 50 recipients, one of them replaced',
    mail: fifty,
    changes: edited,
    connections: [1, 100],
    actions: EDITS,
    protocol: COLLECTED,
    basis: 'k',
  },
  m: {
    ...plain,
    label: '10 MiB, in a file',
    title: 'a message of 10 MiB collected in a file, one header added at its end',
    mail: { ...ORDINARY, body: LARGE_BODY },
    changes: collected,
    connections: [1, 8],
    protocol: COLLECTED,
    floor: 'floor-file',
  },
};
