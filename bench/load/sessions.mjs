import { parseEndpoint } from '../lib/endpoint.mjs';
import { workOf } from '../mail/growth.mjs';
import { makePlan } from '../mail/plan.mjs';
import { ACTIONS, optneg, PROTOCOL } from '../mail/wire.mjs';
import { Client } from './client.mjs';
import { Exact } from './exact.mjs';
import { Tolerant } from './tolerant.mjs';

/**
 * @typedef {object} Request
 * @property {string} work
 * @property {import('../mail/growth.mjs').Grown} [grown]
 * @property {boolean} [foreign] nothing is known of the filter: its answers are taken as they come
 * @property {Record<string, number>} tally how often a foreign filter has given each answer
 * @property {string} endpoint
 * @property {number} connections
 * @property {number} pid of the target
 * @property {(error: unknown) => void} fail
 */

const OFFER = optneg(6, ACTIONS, PROTOCOL);
const OPENING_AT_ONCE = 16; // fewer than the smallest listen queue, or a unix socket refuses

/** What a filter may say of what it was offered. @param {Buffer} answer @returns {string | undefined} what is wrong */
function flawOf(answer) {
  if (answer.length < OFFER.length || answer[4] !== OFFER[4])
    return `${answer.toString('hex')} is no answer to a negotiation`;
  const [version, actions, protocol] = [5, 9, 13].map((at) => answer.readUInt32BE(at));
  if (version < 2 || version > 6) return `it negotiates version ${version}, and there are 2 to 6`;
  const beyond = (actions & ~ACTIONS) | (protocol & ~PROTOCOL);
  return beyond === 0 ? undefined : `it negotiates 0x${(beyond >>> 0).toString(16)}, which was not offered`;
}

/** @param {Pick<Request, 'endpoint' | 'fail' | 'foreign' | 'tally'>} request */
export async function negotiated({ endpoint, fail, foreign, tally }) {
  const judge = foreign ? new Tolerant(tally) : new Exact();
  const client = new Client(parseEndpoint(endpoint), judge, fail);
  const answer = await client.negotiate(OFFER);
  const flaw = flawOf(answer);
  if (flaw !== undefined) throw new Error(flaw);
  return { client, answer };
}

/** @param {Request} request @param {Buffer} answer to the negotiation @param {boolean} idle */
export function planFor(request, answer, idle = false) {
  const work = workOf(request);
  // Whether a stranger refuses or skips is not known: it gets the mail of the work, and no more.
  const given = request.foreign ? { mail: work.mail, changes: () => [] } : work;
  return makePlan(given, answer.readUInt32BE(13), idle);
}

/**
 * Opens all connections: negotiates, and takes each through the opening of its session.
 * @param {Request} request
 * @param {{ idle: boolean }} options
 */
export async function openSessions(request, { idle }) {
  const first = await negotiated(request);
  const plan = planFor(request, first.answer, idle);
  await first.client.open(plan);
  const clients = [first.client];
  let missing = request.connections - 1;
  const worker = async () => {
    while (missing-- > 0) {
      const { client, answer } = await negotiated(request);
      if (!answer.equals(first.answer))
        throw new Error('the filter negotiates differently on each connection');
      await client.open(plan);
      clients.push(client);
    }
  };
  await Promise.all(Array.from({ length: OPENING_AT_ONCE }, worker));
  return { clients, plan };
}

/** @param {readonly Client[]} clients */
export async function quitAll(clients) {
  await Promise.all(clients.map((client) => client.quit()));
}
