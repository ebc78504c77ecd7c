import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { freeEndpoint } from './endpoint.mjs';
import { FILTER } from './names.mjs';
import { collect, spawnRaised } from './spawn.mjs';
import { startTarget } from './target.mjs';

const LOAD = fileURLToPath(new URL('../load.mjs', import.meta.url));

/**
 * @typedef {object} Cell one thing to measure
 * @property {'busy' | 'idle' | 'memory' | 'messages' | 'negotiation'} mode
 * @property {string} work
 * @property {'unix' | 'inet'} transport
 * @property {number} connections
 * @property {import('../mail/growth.mjs').Grown} [grown] what the mail has more of than that of the work
 * @property {number} [messages] how many, in mode `messages`
 * @property {number} [limit] milliseconds that the load may take
 * @property {number} [megabytes] the size of a message, in mode `memory`
 * @property {boolean} [large] whether the work is one with large messages; `memory` has only such
 */

/**
 * @typedef {object} How
 * @property {string} directory for sockets
 * @property {string | undefined} [profile] directory for CPU profiles
 * @property {string | undefined} [against] another build of the library
 * @property {string | undefined} [filter] the module of the target `filter`
 * @property {number} [limit] milliseconds that the load may take
 * @property {number} [warmup] milliseconds, as the next two
 * @property {number} [measure]
 * @property {number} [settle]
 */

/** Runs the load in a process of its own. @param {object} request @returns {Promise<Record<string, any>>} */
async function runLoad(request) {
  const child = spawnRaised(process.execPath, [LOAD, JSON.stringify(request)]);
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(stderr.text.trim() || `the load ended with ${code}`);
  return JSON.parse(stdout.text);
}

/** One target, one load, from start to end. @param {import('./takers.mjs').Taker} taker @param {Cell} cell @param {How} how */
export async function measure(taker, cell, how) {
  const { name, stranger } = taker;
  const foreign = stranger !== undefined || name === FILTER;
  const endpoint = stranger?.endpoint ?? (await freeEndpoint(cell.transport, how.directory));
  const running = stranger ?? (await startTarget(taker, cell, endpoint, how));
  const { warmup, measure: measuring, settle, limit } = how;
  const times = { warmup, measure: measuring, settle, limit };
  /** @type {Record<string, any>} */
  let result;
  try {
    result = await runLoad({ ...times, ...cell, foreign, endpoint, pid: running.pid });
  } catch (error) {
    const where = `${name}, work ${cell.work}, ${cell.connections} x ${cell.transport}`;
    throw new Error(`${where}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  } finally {
    if ('stop' in running) {
      const complaint = await running.stop();
      if (complaint) process.stderr.write(`${name}: ${complaint}\n`);
    }
  }
  if (!('said' in running) || name === FILTER || running.said() === '') return result;
  return { ...result, own: JSON.parse(running.said()) };
}
