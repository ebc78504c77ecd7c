/** `npm run bench`: measures every target under the same load in one run. See README.md for what and how. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';

import { buildLibmilter } from './lib/libmilter.mjs';
import { busyCells, growthCells, idleCells, memoryCells, rotate } from './lib/matrix.mjs';
import { measure } from './lib/measure.mjs';
import { COLLECTING, FILTER, NO_DATA } from './lib/names.mjs';
import { negotiator } from './lib/negotiator.mjs';
import { readOptions } from './lib/options.mjs';
import { greet } from './lib/strangers.mjs';
import { takersOf } from './lib/takers.mjs';
import { library } from './lib/target.mjs';
import { report } from './report/report.mjs';

const say = (/** @type {string} */ line) => process.stderr.write(`${line}\n`);

/** The targets that can run here; the reasons of the others are printed. @param {readonly string[]} wanted */
function available(wanted) {
  const missing = existsSync(library()) ? undefined : `${library()} is missing, run npm run build`;
  const obstacles = /** @type {Record<string, string | undefined>} */ ({
    ...Object.fromEntries(['rxmilter', COLLECTING, NO_DATA, FILTER].map((target) => [target, missing])),
    libmilter: wanted.includes('libmilter') ? buildLibmilter() : undefined,
  });
  return wanted.filter((target) => {
    if (obstacles[target] !== undefined) say(`skipped: ${target}: ${obstacles[target]}`);
    return obstacles[target] === undefined;
  });
}

/** @param {import('./lib/options.mjs').Options} options @param {string} directory */
async function run(options, directory) {
  const { rounds, compare } = options;
  const targets = available(options.targets);
  await greet(compare, directory);
  const idle = idleCells(options);
  for (const reason of idle.skipped) say(`skipped: ${reason}`);
  const cells = [...busyCells(options), ...idle.cells, ...memoryCells(options), ...growthCells(options)];
  const negotiations = negotiator(targets, directory);
  const takers = new Map();
  for (const cell of cells) takers.set(cell, takersOf(cell, targets, await negotiations(cell), compare));
  /** @type {import('./report/figures.mjs').Sample[]} */
  const samples = [];
  for (let round = 0; round < rounds; round++) {
    for (const [at, cell] of cells.entries()) {
      const { mode, work, connections, transport, grown } = cell;
      const size = grown === undefined ? '' : `  ${grown.kind} ${grown.size}`;
      say(
        `round ${round + 1}/${rounds}  ${at + 1}/${cells.length}  ${mode} (${work}) ${connections} x ${transport}${size}`,
      );
      for (const taker of rotate(takers.get(cell), round + at))
        samples.push({
          cell,
          target: taker.name,
          round,
          result: await measure(taker, cell, { directory, ...options }),
        });
    }
  }
  // In one order whatever the rotation was.
  const order = [...targets, ...compare.map(({ name }) => name)];
  return samples.sort((a, b) => order.indexOf(a.target) - order.indexOf(b.target));
}

if (process.platform !== 'linux') {
  say('The benchmark reads the CPU time of other processes from /proc and needs Linux.');
  process.exit(1);
}
const options = (() => {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${/** @type {Error} */ (error).message}\nThe switches are described in bench/README.md.`);
    process.exit(2);
  }
})();
const directory = mkdtempSync(join(tmpdir(), 'rxmilter-bench-'));
process.on('exit', () => rmSync(directory, { recursive: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
try {
  const samples = await run(options, directory);
  const [{ model }] = cpus();
  const date = new Date().toISOString().slice(0, 10);
  const machine = { date, node: process.version, cpu: model, cores: cpus().length, rounds: options.rounds };
  process.stdout.write(
    `Node ${machine.node}, ${machine.cores} cores, median of ${machine.rounds} rounds\n\n${report(samples)}\n`,
  );
  if (options.json !== undefined)
    await writeFile(options.json, JSON.stringify({ machine, samples }, null, 2));
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
