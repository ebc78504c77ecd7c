import { LARGE_BODY, LARGE_BODY_DIGEST, SMALL_BODY } from './mail.mjs';
import { frame } from './wire.mjs';

/**
 * @typedef {object} Work one job for a filter, the same for every target
 * @property {string} title
 * @property {Buffer} body
 * @property {[string, string] | undefined} header what the filter adds at the end of the message
 * @property {Buffer | undefined} refusal what the recipient is answered, when that is not "continue"
 * @property {boolean} [sessionPerMessage] each message on a connection of its own
 * @property {number[]} connections the loads of a full run
 * @property {number} protocol the floor's negotiation answer as long as there is no library to copy it from
 */

const ALL_BUT_UNKNOWN = 0x100;
const bench = /** @type {[string, string]} */ (['X-Bench', '1']);
const loads = [1, 100, 1000];

/** @type {Record<string, Work>} */
export const WORKS = {
  a: {
    title: 'every event answered, one header added at the end of the message',
    body: SMALL_BODY,
    header: bench,
    refusal: undefined,
    connections: loads,
    protocol: ALL_BUT_UNKNOWN,
  },
  b: {
    title: 'every event observed without a reply, one header added at the end of the message',
    body: SMALL_BODY,
    header: bench,
    refusal: undefined,
    connections: loads,
    protocol: (0xff080 & ~0x20000) | ALL_BUT_UNKNOWN,
  },
  c: {
    title: 'only the end of the message wanted, one header added there',
    body: SMALL_BODY,
    header: bench,
    refusal: undefined,
    connections: loads,
    protocol: 0x37c | 0x3000,
  },
  d: {
    title: 'sha256 over a body of 10 MiB, the digest added as a header',
    body: LARGE_BODY,
    header: ['X-SHA256', LARGE_BODY_DIGEST],
    refusal: undefined,
    connections: [1, 8],
    protocol: 0x36c | 0x3000 | 0x80000,
  },
  e: {
    title: 'the only recipient refused, every event answered',
    body: SMALL_BODY,
    header: undefined,
    refusal: frame('y', '550 5.1.1 No such user\0'),
    connections: loads,
    protocol: ALL_BUT_UNKNOWN,
  },
  f: {
    title: 'as (b), but each message on a connection of its own',
    body: SMALL_BODY,
    header: bench,
    refusal: undefined,
    sessionPerMessage: true,
    connections: [100],
    protocol: (0xff080 & ~0x20000) | ALL_BUT_UNKNOWN,
  },
};
