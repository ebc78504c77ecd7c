import { median } from '../lib/stats.mjs';
import { groups, MEBIBYTE, short } from './figures.mjs';
import { table } from './table.mjs';

/** @param {readonly import('./figures.mjs').Sample[]} samples */
export function idleSection(samples) {
  const rows = [...groups(samples, ({ cell, target }) => `${cell.connections} ${target}`).values()].map(
    (own) => {
      const value = (/** @type {string} */ key) => median(own.map(({ result }) => result[key]));
      const { connections } = own[0].cell;
      return [
        String(connections),
        own[0].target,
        (value('perConnection') / 1024).toFixed(2),
        short(value('without') / MEBIBYTE),
        short(value('held') / MEBIBYTE),
      ];
    },
  );
  const head = ['conns', 'target', 'KiB each', 'MB with none', 'MB with all'];
  return `memory of idle connections (negotiated, CONNECT answered, unix)\n\n${table(head, rows, { left: ['target'] })}`;
}
