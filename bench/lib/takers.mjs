import { MEMORY_WORKS } from '../mail/memory-works.mjs';
import { WORKS } from '../mail/works.mjs';
import { AGAINST, COLLECTING, FILTER, NO_DATA } from './names.mjs';

/** @typedef {import('./measure.mjs').Cell} Cell */

/**
 * @typedef {object} Taker who takes part in a cell
 * @property {string} name
 * @property {string} [program] what runs for it, where it is started
 * @property {string} [negotiation] the answer to the negotiation that it is to give, in hex
 * @property {import('./strangers.mjs').Stranger} [stranger] a process that runs already
 */

/**
 * @typedef {object} Negotiations how the library answers the negotiation of a cell, in hex: its floor answers the same
 * @property {string} answer
 * @property {string} [withoutData] over TCP: without the answer to DATA that is there because of TCP alone
 */

/** The bare server that does as much as a cell needs: its floor. @param {Cell} cell */
export function floorOf({ mode, work }) {
  if (mode === 'memory') return MEMORY_WORKS[work].floor;
  return mode === 'idle' ? 'floor' : WORKS[work].floor;
}

/** @param {Cell} cell */
function known({ mode }) {
  if (mode === 'memory') return ['rxmilter', COLLECTING, AGAINST];
  return ['rxmilter', 'libmilter', AGAINST, ...(mode === 'busy' ? [FILTER] : [])];
}

/**
 * Beside the plain floor the one that does what the work is about; of large messages the others know nothing. Without the
 * answer to DATA there is a floor of its own.
 * @param {Cell} cell
 * @param {readonly string[]} targets
 * @param {Negotiations} negotiations
 * @param {readonly import('./strangers.mjs').Stranger[]} strangers
 * @returns {Taker[]}
 */
export function takersOf(cell, targets, { answer, withoutData }, strangers) {
  const floor = floorOf(cell);
  const floors = cell.mode === 'memory' ? [floor] : ['floor', floor];
  const takers = targets.flatMap((name) => {
    if (floors.includes(name)) return [{ name, program: name, negotiation: answer }];
    return known(cell).includes(name) ? [{ name, program: name }] : [];
  });
  const others = strangers.filter(
    ({ transport }) => cell.mode === 'busy' && cell.grown === undefined && transport === cell.transport,
  );
  const also = others.map((stranger) => ({ name: stranger.name, stranger }));
  if (withoutData === undefined || floor === undefined) return [...takers, ...also];
  const quiet = [
    { name: NO_DATA, program: 'rxmilter', negotiation: withoutData },
    ...(targets.includes(floor)
      ? [{ name: withoutDataOf(floor), program: floor, negotiation: withoutData }]
      : []),
  ];
  return [...takers, ...quiet, ...also];
}

/** The floor of a filter that does not answer DATA. @param {string} floor */
export const withoutDataOf = (floor) => `${floor}-nodata`;
