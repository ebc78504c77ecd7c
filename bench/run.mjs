/** `npm run bench`: measures every target under the same load in one run. See README.md for what and how. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { buildLibmilter } from './lib/libmilter.mjs';
import { busyCells, idleCells, memoryCells, rotate, targetsOf } from './lib/matrix.mjs';
import { measure, plainNegotiation } from './lib/measure.mjs';
import { readOptions } from './lib/options.mjs';
import { report } from './report/report.mjs';

const say = (/** @type {string} */ line) => process.stderr.write(`${line}\n`);

/** The targets that can run here; the reasons of the others are printed. @param {readonly string[]} wanted */
function available(wanted) {
  const library = process.env.RXMILTER_DIST ?? fileURLToPath(new URL('../dist/index.js', import.meta.url));
  const obstacles = /** @type {Record<string, string | undefined>} */ ({
    rxmilter: existsSync(library) ? undefined : `${library} is missing, run npm run build`,
    libmilter: wanted.includes('libmilter') ? buildLibmilter() : undefined,
  });
  return wanted.filter((target) => {
    if (obstacles[target] !== undefined) say(`skipped: ${target}: ${obstacles[target]}`);
    return obstacles[target] === undefined;
  });
}

/**
 * The floor gives the answer that the library gives, which over TCP also answers DATA.
 * @param {import('./lib/measure.mjs').Cell} cell @param {readonly string[]} targets @param {string} directory
 */
async function negotiationOf({ mode, work, transport }, targets, directory) {
  if (!targets.includes('rxmilter')) return plainNegotiation(work);
  const probe = await measure(
    'rxmilter',
    { mode: 'negotiation', work, transport, connections: 1, large: mode === 'memory' },
    { directory },
  );
  say(`(${work}) rxmilter negotiates protocol 0x${probe.protocol.toString(16)} over ${transport}`);
  return probe.answer;
}

/** @param {import('./lib/options.mjs').Options} options @param {string} directory */
async function run(options, directory) {
  const { rounds, warmup, measure: measuring, settle, profile, against } = options;
  const targets = available(options.targets);
  const idle = idleCells(options);
  for (const reason of idle.skipped) say(`skipped: ${reason}`);
  const cells = [...busyCells(options), ...idle.cells, ...memoryCells(options)];
  /** @type {Record<string, string>} */
  const negotiations = {};
  for (const cell of cells)
    negotiations[`${cell.work} ${cell.transport}`] ??= await negotiationOf(cell, targets, directory);
  /** @type {import('./report/figures.mjs').Sample[]} */
  const samples = [];
  for (let round = 0; round < rounds; round++) {
    for (const [at, cell] of cells.entries()) {
      say(
        `round ${round + 1}/${rounds}  ${at + 1}/${cells.length}  ${cell.mode} (${cell.work}) ${cell.connections} x ${cell.transport}`,
      );
      for (const target of rotate(targetsOf(cell, targets), round + at)) {
        const negotiation = target.startsWith('floor')
          ? negotiations[`${cell.work} ${cell.transport}`]
          : undefined;
        const how = {
          directory,
          profile,
          against,
          warmup,
          measure: measuring,
          settle,
          ...(negotiation && { negotiation }),
        };
        samples.push({ cell, target, round, result: await measure(target, cell, how) });
      }
    }
  }
  // In one order whatever the rotation was.
  return samples.sort((a, b) => targets.indexOf(a.target) - targets.indexOf(b.target));
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
  const machine = { node: process.version, cores: cpus().length, rounds: options.rounds };
  process.stdout.write(
    `Node ${machine.node}, ${machine.cores} cores, median of ${machine.rounds} rounds\n\n${report(samples)}\n`,
  );
  if (options.json !== undefined)
    await writeFile(options.json, JSON.stringify({ machine, samples }, null, 2));
} catch (error) {
  say(String(error));
  process.exitCode = 1;
}
