import { plainNegotiation } from '../mail/floor.mjs';
import { measure } from './measure.mjs';
import { NO_DATA } from './names.mjs';

/** @typedef {import('./measure.mjs').Cell} Cell */

/** @param {Cell} cell @param {Cell['transport']} transport @param {string} directory */
async function probe({ mode, work }, transport, directory) {
  /** @type {Cell} */
  const cell = { mode: 'negotiation', work, transport, connections: 1, large: mode === 'memory' };
  const { answer, protocol } = await measure({ name: 'rxmilter', program: 'rxmilter' }, cell, { directory });
  process.stderr.write(
    `(${work}) rxmilter negotiates protocol 0x${protocol.toString(16)} over ${transport}\n`,
  );
  return answer;
}

/**
 * How the library answers the negotiation of a cell; it is asked once for each work and transport.
 * @param {readonly string[]} targets @param {string} directory
 * @returns {(cell: Cell) => Promise<import('./takers.mjs').Negotiations>}
 */
export function negotiator(targets, directory) {
  /** @type {Map<string, Promise<string>>} */
  const known = new Map();
  const answerTo = (/** @type {Cell} */ cell, transport = cell.transport) => {
    const key = `${cell.work} ${transport}`;
    const answer = known.get(key) ?? probe(cell, transport, directory);
    known.set(key, answer);
    return answer;
  };
  return async (cell) => {
    if (!targets.includes('rxmilter')) return { answer: plainNegotiation(cell.work) };
    const answer = await answerTo(cell);
    if (!targets.includes(NO_DATA) || cell.transport === 'unix' || cell.mode !== 'busy') return { answer };
    // Over a unix socket the library answers DATA only where a filter does.
    const withoutData = await answerTo(cell, 'unix');
    return withoutData === answer ? { answer } : { answer, withoutData };
  };
}
