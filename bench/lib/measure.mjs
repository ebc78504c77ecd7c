import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { answerTo, PLAIN } from '../mail/plan.mjs';
import { EVENTS, optneg } from '../mail/wire.mjs';
import { WORKS } from '../mail/works.mjs';
import { freeEndpoint } from './endpoint.mjs';
import { collect, spawnRaised } from './spawn.mjs';
import { startTarget } from './target.mjs';

const LOAD = fileURLToPath(new URL('../load.mjs', import.meta.url));

/**
 * @typedef {object} Cell one thing to measure
 * @property {'busy' | 'idle' | 'memory' | 'negotiation'} mode
 * @property {string} work
 * @property {'unix' | 'inet'} transport
 * @property {number} connections
 * @property {number} [megabytes] the size of a message, in mode `memory`
 * @property {boolean} [large] whether the work is one with large messages; `memory` has only such
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

/** A stream: all but the body without a reply. */
const STREAMED = { actions: 1, protocol: 0xf380 };

/** What the floor has to answer: each event that the negotiation leaves a reply. @param {string} work @param {string} optnegAnswer hex */
export function floorAnswers(work, optnegAnswer) {
  const protocol = Buffer.from(optnegAnswer, 'hex').readUInt32BE(13);
  const answers = /** @type {Record<string, string>} */ ({ O: optnegAnswer });
  for (const [stage, { letter, off, silent }] of Object.entries(EVENTS)) {
    if (protocol & (off | silent)) continue;
    answers[letter] = answerTo(WORKS[work] ?? PLAIN, stage, protocol).toString('hex');
  }
  return answers;
}

/** The negotiation answer of a filter that wants what the work needs and not a bit more. @param {string} work */
export function plainNegotiation(work) {
  const { actions, protocol } = WORKS[work] ?? STREAMED;
  return optneg(6, actions, protocol).toString('hex');
}

/**
 * One target, one load, from start to end.
 * @param {string} target
 * @param {Cell} cell
 * @param {{ directory: string, negotiation?: string, profile?: string | undefined, against?: string | undefined, warmup?: number, measure?: number, settle?: number }} how
 */
export async function measure(target, cell, { directory, negotiation, profile, against, ...times }) {
  const endpoint = await freeEndpoint(cell.transport, directory);
  const answers = negotiation === undefined ? undefined : floorAnswers(cell.work, negotiation);
  const running = await startTarget(target, {
    large: cell.large ?? cell.mode === 'memory',
    work: cell.work,
    endpoint,
    answers,
    profile,
    against,
  });
  /** @type {Record<string, any>} */
  let result;
  try {
    result = await runLoad({ ...cell, ...times, endpoint, pid: running.pid });
  } catch (error) {
    throw new Error(
      `${target}, work ${cell.work}, ${cell.connections} x ${cell.transport}: ${String(error)}`,
      { cause: error },
    );
  } finally {
    const complaint = await running.stop();
    if (complaint) process.stderr.write(`${target}: ${complaint}\n`);
  }
  return running.said() === '' ? result : { ...result, own: JSON.parse(running.said()) };
}
