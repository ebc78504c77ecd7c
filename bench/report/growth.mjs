import { median } from '../lib/stats.mjs';
import { GROWTH } from '../mail/growth.mjs';
import { groups, MEBIBYTE, short, times } from './figures.mjs';
import { table } from './table.mjs';

/** @typedef {import('./figures.mjs').Sample} Sample */

const cpuOf = (/** @type {readonly Sample[]} */ own) => median(own.map(({ result }) => result.cpu));
const sizeOf = (/** @type {readonly Sample[]} */ [{ cell }]) => cell.grown?.size ?? NaN;

/** @param {number} size @param {number} per what one unit has of it */
function shown(size, per) {
  if (per === 1) return String(size);
  return size < per ? `${size / 1024} KB` : `${size / per} MB`;
}

/** What each size costs, and each unit beyond the smallest. @param {string} kind @param {readonly Sample[]} samples */
function growthTable(kind, samples) {
  const { unit, per } = GROWTH[kind];
  const rows = [...groups(samples, ({ cell, target }) => `${cell.work} ${target}`).values()].flatMap(
    (own) => {
      const sizes = [...groups(own, (sample) => String(sample.cell.grown?.size)).values()];
      const [smallest] = sizes;
      const beyond = (/** @type {readonly Sample[]} */ one) =>
        ((cpuOf(one) - cpuOf(smallest)) * per) / (sizeOf(one) - sizeOf(smallest));
      const largest = sizes[sizes.length - 1];
      return sizes.map((one) => [
        one[0].cell.work,
        one[0].target,
        shown(sizeOf(one), per),
        short(cpuOf(one)),
        one === smallest ? '' : short(beyond(one)),
        one === smallest ? '' : times(beyond(one) / beyond(largest)),
      ]);
    },
  );
  const head = ['work', 'target', kind, 'CPU us/msg', `us per ${unit} beyond`, 'x that of the largest'];
  return `growth with ${kind}: where it is linear, the last column is about 1\n\n${table(head, rows, { left: ['work', 'target'] })}`;
}

/** @param {readonly Sample[]} samples of cells whose mail has grown */
export function growthSection(samples) {
  return [...groups(samples, ({ cell }) => cell.grown?.kind ?? '')].map(([kind, own]) =>
    growthTable(kind, own),
  );
}

/** Memory after each tenth of very many messages. @param {readonly Sample[]} samples */
export function messagesSection(samples) {
  const rows = [...groups(samples, ({ cell, target }) => `${cell.work} ${target}`).values()].map((own) => {
    /** @type {{ messages: number, rss: number, cpu: number }[][]} */
    const runs = own.map(({ result }) => result.tenths);
    const at = (/** @type {number} */ tenth, /** @type {'rss' | 'cpu'} */ key) =>
      median(runs.map((tenths) => tenths[tenth][key]));
    const tenths = runs[0].map((_, tenth) => (at(tenth, 'rss') / MEBIBYTE).toFixed(1));
    return [
      own[0].cell.work,
      own[0].target,
      ...tenths,
      short(at(1, 'cpu')),
      short(at(runs[0].length - 1, 'cpu')),
    ];
  });
  const { messages = 0, connections } = samples[0].cell;
  const head = [
    'work',
    'target',
    ...Array.from({ length: 10 }, (_, tenth) => `${tenth + 1}/10`),
    'us/msg at 2/10',
    'at 10/10',
  ];
  return [
    `resident memory in MB while ${connections} connections send ${messages} messages`,
    '',
    table(head, rows, { left: ['work', 'target'] }),
  ].join('\n');
}
