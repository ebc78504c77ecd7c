/**
 * Where the time went: `node bench/top.mjs FILE.cpuprofile [lines]` prints the functions of a CPU profile by their
 * own time. Profiles come from `npm run bench -- --profile DIRECTORY`.
 */
import { readFileSync } from 'node:fs';

import { table } from './report/table.mjs';

const [file, lines = '40'] = process.argv.slice(2);
if (file === undefined) throw new Error('which profile?');

/** @type {{ nodes: { id: number, callFrame: { functionName: string, url: string, lineNumber: number } }[], samples: number[], timeDeltas: number[] }} */
const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8'));

const names = new Map(
  nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => {
    const place = url === '' ? '' : `${url.replace(/^.*\/(?=[^/]*\/[^/]*$)/, '')}:${lineNumber + 1}`;
    return [id, `${functionName || '(anonymous)'}  ${place}`];
  }),
);

/** @type {Map<string, number>} */
const own = new Map();
let total = 0;
for (const [at, id] of samples.entries()) {
  const name = names.get(id) ?? '';
  if (name.startsWith('(idle)')) continue;
  const time = timeDeltas[at + 1] ?? 0;
  own.set(name, (own.get(name) ?? 0) + time);
  total += time;
}

const rows = [...own]
  .sort(([, a], [, b]) => b - a)
  .slice(0, Number(lines))
  .map(([name, time]) => [`${((100 * time) / total).toFixed(1)} %`, `${(time / 1000).toFixed(0)} ms`, name]);
process.stdout.write(`${table(['share', 'own time', 'function'], rows, { left: ['function'] })}\n`);
