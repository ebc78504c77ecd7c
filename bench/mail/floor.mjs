import { workOf } from './growth.mjs';
import { answerTo, PLAIN } from './plan.mjs';
import { EVENTS, optneg } from './wire.mjs';
import { WORKS } from './works.mjs';

/** A stream: all but the body without a reply. */
const STREAMED = { actions: 1, protocol: 0xf380 };

/** What the floor has to answer: each event that the negotiation leaves a reply. @param {import('../lib/measure.mjs').Cell} cell @param {string} negotiation hex */
export function floorAnswers(cell, negotiation) {
  const protocol = Buffer.from(negotiation, 'hex').readUInt32BE(13);
  const work = cell.mode === 'memory' ? PLAIN : workOf(cell);
  const answers = /** @type {Record<string, string>} */ ({ O: negotiation });
  for (const [stage, { letter, off, silent }] of Object.entries(EVENTS)) {
    if (protocol & (off | silent)) continue;
    answers[letter] = answerTo(work, stage, protocol).toString('hex');
  }
  return answers;
}

/** The negotiation answer of a filter that wants what the work needs and not a bit more. @param {string} work */
export function plainNegotiation(work) {
  const { actions, protocol } = WORKS[work] ?? STREAMED;
  return optneg(6, actions, protocol).toString('hex');
}
