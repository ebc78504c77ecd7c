import { parseEndpoint } from '../lib/endpoint.mjs';
import { makePlan } from '../mail/plan.mjs';
import { ACTIONS, optneg, PROTOCOL } from '../mail/wire.mjs';
import { WORKS } from '../mail/works.mjs';
import { Client } from './client.mjs';

/**
 * @typedef {object} Request
 * @property {string} work
 * @property {string} endpoint
 * @property {number} connections
 * @property {number} pid of the target
 * @property {(error: unknown) => void} fail
 */

const OFFER = optneg(6, ACTIONS, PROTOCOL);
const OPENING_AT_ONCE = 16; // fewer than the smallest listen queue, or a unix socket refuses

/** @param {Pick<Request, 'endpoint' | 'fail'>} request */
export async function negotiated({ endpoint, fail }) {
  const client = new Client(parseEndpoint(endpoint), fail);
  return { client, answer: await client.negotiate(OFFER) };
}

/**
 * Opens all connections: negotiates, and takes each through the opening of its session.
 * @param {Request} request
 * @param {{ idle: boolean }} options
 */
export async function openSessions({ work, endpoint, connections, fail }, { idle }) {
  const first = await negotiated({ endpoint, fail });
  const plan = makePlan(WORKS[work], first.answer.readUInt32BE(13), idle);
  await first.client.open(plan);
  const clients = [first.client];
  let missing = connections - 1;
  const worker = async () => {
    while (missing-- > 0) {
      const { client, answer } = await negotiated({ endpoint, fail });
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
