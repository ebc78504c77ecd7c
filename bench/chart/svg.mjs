import { duration, overview } from './overview.mjs';

/** @typedef {import('./overview.mjs').Row} Row */

const WIDTH = 480;
const MARGIN = 16;
const HEAD = 125;
const PITCH = 15; // from bar to bar
const BAR = 11;
const GROUP = 3 * PITCH + 12;
const BARS_AT = 170;
const LONGEST = 182;

const TARGETS = /** @type {const} */ (['floor', 'rxmilter', 'libmilter']);
const LEGEND = { floor: 'bare node:net', rxmilter: 'rxmilter', libmilter: 'libmilter (C)' };

const STYLE = `
text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328 }
.title { font-size: 17px; font-weight: 600 }
.work { font-weight: 600 }
.small { font-size: 12.5px; fill: #59636e }
.card { fill: #ffffff; stroke: #d1d9e0 }
.line { stroke: #d1d9e0 }
.floor { fill: #818b98 }
.rxmilter { fill: #0969da }
.libmilter { fill: #bc6c00 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc }
  .small { font-size: 12.5px; fill: #9198a1 }
  .card { fill: #151b23; stroke: #3d444d }
  .line { stroke: #3d444d }
  .floor { fill: #9198a1 }
  .rxmilter { fill: #4493f8 }
  .libmilter { fill: #e3973a }
}
`;

/** @param {string} text */
const escaped = (text) => text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);

/** @param {number} x @param {number} y @param {string} name @param {string} words */
const text = (x, y, name, words) =>
  `<text x="${x}" y="${y}"${name === '' ? '' : ` class="${name}"`}>${escaped(words)}</text>`;

/** Beside each bar what it stands for. @param {Row} row @param {typeof TARGETS[number]} target @param {number} y @param {number} most */
function bar(row, target, y, most) {
  const figure = row[target];
  if (figure === undefined) return text(BARS_AT, y + BAR - 1, 'small', 'not measured');
  const width = Math.max(1, (LONGEST * figure.cpu) / most).toFixed(1);
  const times = target === 'floor' || figure.ratio === undefined ? '' : ` · ${figure.ratio.toFixed(1)}×`;
  return [
    `<rect class="${target}" x="${BARS_AT}" y="${y}" width="${width}" height="${BAR}" rx="2"/>`,
    text(BARS_AT + Number(width) + 6, y + BAR - 1, '', duration(figure.cpu) + times),
  ].join('');
}

/** @param {Row} row @param {number} at */
function group(row, at) {
  const top = HEAD + at * GROUP;
  const most = Math.max(...TARGETS.map((target) => row[target]?.cpu ?? 0));
  return [
    `<line class="line" x1="${MARGIN}" x2="${WIDTH - MARGIN}" y1="${top}" y2="${top}"/>`,
    text(MARGIN, top + 21, 'work', `(${row.work})`),
    text(MARGIN, top + 36, '', row.label),
    ...TARGETS.map((target, nth) => bar(row, target, top + 8 + nth * PITCH, most)),
  ].join('\n');
}

/** @param {readonly Row[]} rows */
function spoken(rows) {
  const each = (/** @type {Row} */ { work, label, ...row }) =>
    `(${work}) ${label}: ${TARGETS.map((target) => `${LEGEND[target]} ${row[target] === undefined ? 'not measured' : duration(row[target].cpu)}`).join(', ')}`;
  return `${rows.map(each).join('; ')}.`;
}

/** CPU time per message as bars, each work on a scale of its own. @param {import('./summary.mjs').Results} results */
export function svg(results) {
  const rows = overview(results);
  const height = HEAD + rows.length * GROUP + MARGIN / 2;
  const swatches = TARGETS.map((target, nth) => {
    const x = MARGIN + nth * 130;
    return `<rect class="${target}" x="${x}" y="${HEAD - 26}" width="10" height="10" rx="2"/>${text(x + 16, HEAD - 17, '', LEGEND[target])}`;
  });
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title desc">`,
    '<title id="title">CPU time per message: bare node:net, rxmilter and libmilter</title>',
    `<desc id="desc">${escaped(spoken(rows))}</desc>`,
    `<style>${STYLE}</style>`,
    `<rect class="card" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="6"/>`,
    text(MARGIN, 30, 'title', 'CPU time per message'),
    text(MARGIN, 50, 'small', 'of the filter, kernel included; × is the multiple of bare node:net,'),
    text(MARGIN, 67, 'small', 'which in (d) hashes, and in (m) writes a file, too.'),
    text(MARGIN, 84, 'small', 'Each work has a scale of its own: its longest bar is the whole width.'),
    ...swatches,
    ...rows.map(group),
    '</svg>',
  ].join('\n')}\n`;
}
