import { duration, overview } from './overview.mjs';

const BEGIN = '<!-- begin of what bench/chart.mjs writes -->';
const END = '<!-- end of what bench/chart.mjs writes -->';
const HEAD = ['work', '', 'floor', 'rxmilter', 'libmilter'];

/** @param {import('./summary.mjs').Figure | undefined} figure @param {boolean} isFloor */
function cellOf(figure, isFloor) {
  if (figure === undefined) return '';
  return isFloor || figure.ratio === undefined
    ? duration(figure.cpu)
    : `${duration(figure.cpu)} (${figure.ratio.toFixed(1)})`;
}

/** The table, in the widths that Prettier gives it. @param {import('./summary.mjs').Results} results */
function table(results) {
  const rows = overview(results).map(({ work, label, floor, rxmilter, libmilter }) => [
    work,
    label,
    cellOf(floor, true),
    cellOf(rxmilter, false),
    cellOf(libmilter, false),
  ]);
  const widths = HEAD.map((head, at) => Math.max(3, head.length, ...rows.map((row) => row[at].length)));
  const line = (/** @type {readonly string[]} */ cells) =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at])).join(' | ')} |`;
  return [line(HEAD), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

/** @param {import('./summary.mjs').Results} results */
export function markdown(results) {
  const { date, node, cpu, cores, rounds } = results.machine;
  const counts = overview(results).filter(
    ({ floor, connections }) => floor !== undefined && connections < 100,
  );
  const others = counts.map(({ work, connections }) => `${connections} in (${work})`).join(', ');
  const medians = rounds === 1 ? 'a single round' : `medians of ${rounds} rounds`;
  return [
    BEGIN,
    '',
    table(results),
    '',
    `CPU time per message of the filter's process, all threads; in brackets as a multiple of the floor, which is a bare`,
    '`node:net` server, and in (d) hashes, in (m) writes a file, too. 100 connections',
    `over a Unix socket${others === '' ? '' : ` (${others})`}; ${medians}. ${date}, Node ${node.slice(1)}, ${cores} cores (${cpu}).`,
    '',
    END,
  ].join('\n');
}

/** Puts it in the place of what was between the marks. @param {string} page @param {import('./summary.mjs').Results} results */
export function withTable(page, results) {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`the page has no "${BEGIN}" followed by "${END}"`);
  return page.slice(0, begin) + markdown(results) + page.slice(end + END.length);
}
