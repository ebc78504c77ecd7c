/**
 * Makes the table in README.md, and the chart, of a run: `npm run bench -- --json FILE`, then `node bench/chart.mjs FILE`,
 * which also keeps the medians in results.json. Without FILE it makes them of these.
 */
import { readFileSync, writeFileSync } from 'node:fs';

import { withTable } from './chart/markdown.mjs';
import { summarised, toJson } from './chart/summary.mjs';
import { svg } from './chart/svg.mjs';

const place = (/** @type {string} */ name) => new URL(name, import.meta.url);
const read = (/** @type {string | URL} */ file) => readFileSync(file, 'utf8');

const [file] = process.argv.slice(2);
if (file !== undefined) writeFileSync(place('results.json'), toJson(summarised(JSON.parse(read(file)))));
/** @type {import('./chart/summary.mjs').Results} */
const results = JSON.parse(read(place('results.json')));
writeFileSync(place('README.md'), withTable(read(place('README.md')), results));
writeFileSync(place('cpu.svg'), svg(results));
