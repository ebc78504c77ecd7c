import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { floorAnswers } from '../mail/floor.mjs';
import { libmilterBinary } from './libmilter.mjs';
import { AGAINST, COLLECTING, FILTER } from './names.mjs';
import { collect, spawnRaised } from './spawn.mjs';

const STARTING = 20_000;
const STOPPING = 5_000;
/** What `rxmilter serve` says when it is told to stop. */
const STOPPED = /^Stopping\..*\n?/m;

/** The build that is measured. */
export const library = () =>
  process.env.RXMILTER_DIST ?? fileURLToPath(new URL('../../dist/index.js', import.meta.url));

/** @param {string} name */
const script = (name) => fileURLToPath(new URL(`../targets/${name}.mjs`, import.meta.url));

/**
 * The command that runs a target, and what it says when it listens.
 * @param {import('./takers.mjs').Taker} taker @param {import('./measure.mjs').Cell} cell @param {string} endpoint @param {import('./measure.mjs').How} how
 * @returns {{ command: string, args: string[], ready: RegExp }}
 */
function commandOf({ program = '', negotiation }, cell, endpoint, { profile, filter = '' }) {
  const READY = /^ready\n/;
  if (program === 'libmilter')
    return { command: libmilterBinary(), args: [cell.work, endpoint], ready: READY };
  const flags = program === COLLECTING ? ['--expose-gc'] : [];
  if (profile !== undefined) flags.push('--cpu-prof', '--cpu-prof-interval=200', `--cpu-prof-dir=${profile}`);
  const node = (/** @type {string[]} */ ...args) => ({
    command: process.execPath,
    args: [...flags, ...args],
    ready: READY,
  });
  if (program === FILTER) {
    const serving = ['serve', '--listen', endpoint, filter];
    return { ...node(join(dirname(library()), 'rxmilter.js'), ...serving), ready: /^Listening on .*\n/ };
  }
  const isOurs = ['rxmilter', COLLECTING, AGAINST].includes(program);
  const large = cell.large ?? cell.mode === 'memory';
  const answers = negotiation === undefined || isOurs ? undefined : floorAnswers(cell, negotiation);
  const request = { work: cell.work, endpoint, negotiation, answers };
  return node(script(!isOurs ? program : large ? 'memory' : 'rxmilter'), JSON.stringify(request));
}

/**
 * Starts a filter in a process of its own and waits until it listens.
 * @param {import('./takers.mjs').Taker} taker @param {import('./measure.mjs').Cell} cell @param {string} endpoint @param {import('./measure.mjs').How} how
 */
export async function startTarget(taker, cell, endpoint, how) {
  const { command, args, ready } = commandOf(taker, cell, endpoint, how);
  const env = taker.program === AGAINST ? { ...process.env, RXMILTER_DIST: how.against } : process.env;
  const child = spawnRaised(command, args, env);
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const exited = once(child, 'exit');
  const late = AbortSignal.timeout(STARTING);
  while (!ready.test(stdout.text)) {
    await Promise.race([once(child.stdout, 'data', { signal: late }), exited]);
    if (child.exitCode !== null) throw new Error(`${taker.name} did not start: ${stderr.text.trim()}`);
  }
  return {
    pid: /** @type {number} */ (child.pid),
    /** Ends the process and gives what it complained about. */
    async stop() {
      // libmilter looks for signals every five seconds only, and has nothing to write at its end.
      child.kill(taker.program === 'libmilter' ? 'SIGKILL' : 'SIGTERM');
      const hard = setTimeout(() => child.kill('SIGKILL'), STOPPING);
      await exited;
      clearTimeout(hard);
      return stderr.text.replace(STOPPED, '').trim();
    },
    /** What it has said on its end. */
    said: () => stdout.text.replace(ready, '').trim(),
  };
}
