import { median } from '../lib/stats.mjs';
import { WORKS } from '../mail/works.mjs';
import { groups, ratio } from '../report/figures.mjs';

/**
 * @typedef {object} Figure the medians of one target in one cell
 * @property {string} work
 * @property {string} transport
 * @property {number} connections
 * @property {string} [grown] what the mail had more of, and how much
 * @property {string} target
 * @property {number} cpu microseconds a message
 * @property {number} spread between the lowest and the highest round, as a part of it
 * @property {number} [ratio] to the floor of the work
 *
 * @typedef {object} Results
 * @property {{ date: string, node: string, cpu: string, cores: number, rounds: number }} machine
 * @property {Figure[]} figures
 */

/** @param {number} value */
const rounded = (value) => Number(value.toPrecision(3));

/** What is kept of a run: no single rounds. @param {{ machine: Results['machine'], samples: readonly import('../report/figures.mjs').Sample[] }} run @returns {Results} */
export function summarised({ machine, samples }) {
  const busy = samples.filter(({ cell }) => cell.mode === 'busy');
  const cells = groups(busy, ({ cell }) => JSON.stringify(cell));
  const figures = [...cells.values()].flatMap((cell) =>
    [...groups(cell, ({ target }) => target).values()].map((own) => {
      const [{ cell: at, target }] = own;
      const costs = own.map(({ result }) => result.cpu);
      const cpu = median(costs);
      const toFloor = ratio(
        own,
        cell.filter((sample) => sample.target === WORKS[at.work].floor),
      );
      return {
        work: at.work,
        transport: at.transport,
        connections: at.connections,
        ...(at.grown && { grown: `${at.grown.kind} ${at.grown.size}` }),
        target,
        cpu: rounded(cpu),
        spread: rounded((Math.max(...costs) - Math.min(...costs)) / cpu),
        ...(toFloor !== '' && { ratio: Number(toFloor) }),
      };
    }),
  );
  return { machine, figures };
}

/** One figure a line, so that a change of it is a line, too. @param {Results} results */
export function toJson({ machine, figures }) {
  const lines = figures.map((figure) => `    ${JSON.stringify(figure)}`);
  return `{\n  "machine": ${JSON.stringify(machine)},\n  "figures": [\n${lines.join(',\n')}\n  ]\n}\n`;
}
