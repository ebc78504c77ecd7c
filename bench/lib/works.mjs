import { HEADERS, LARGE_BODY, LARGE_BODY_DIGEST, MEDIUM_BODY, SMALL_BODY } from './mail.mjs';
import { frame } from './wire.mjs';

/**
 * @typedef {object} Work one job for a filter, the same for every target
 * @property {string} title
 * @property {Buffer} body
 * @property {[string, string] | undefined} header what the filter adds at the end of the message
 * @property {Buffer | undefined} refusal what the recipient is answered, when that is not "continue"
 * @property {boolean} [sessionPerMessage] each message on a connection of its own
 * @property {boolean} [skips] the first piece of the body is answered with SKIP, and no further one is sent
 * @property {number[]} connections the loads of a full run
 * @property {number} protocol the floor's negotiation answer as long as there is no library to copy it from
 */

const ALL_BUT_UNKNOWN = 0x100;
const bench = /** @type {[string, string]} */ (['X-Bench', '1']);
const loads = [1, 100, 1000];

/** What a filter that has collected the message can say of it. @param {number} bytes of its body @returns {[string, string]} */
const collected = (bytes) => ['X-Bench', `${HEADERS.length} fields, ${bytes} bytes`];
/** The bytes that work (i) wants; its filters know the number, too. */
const PREFIX = 1024;

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
  g: {
    title: 'the whole message collected, one header added at its end',
    body: SMALL_BODY,
    header: collected(SMALL_BODY.length),
    refusal: undefined,
    connections: loads,
    protocol: 0x8f3c0,
  },
  h: {
    title: 'envelope and header collected, no body, one header added at the end of the message',
    body: SMALL_BODY,
    header: collected(0),
    refusal: undefined,
    connections: loads,
    protocol: 0xf3d0,
  },
  i: {
    title: 'header and the first 1024 bytes of 1 MiB collected, the rest skipped, one header added',
    body: MEDIUM_BODY,
    header: collected(PREFIX),
    refusal: undefined,
    skips: true,
    connections: [1, 100],
    protocol: 0xf7c0,
  },
};
