import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { libmilterBinary } from './libmilter.mjs';
import { AGAINST, COLLECTING } from './options.mjs';
import { collect, spawnRaised } from './spawn.mjs';

const STARTING = 20_000;
const STOPPING = 5_000;

/** @param {string} name */
const script = (name) => fileURLToPath(new URL(`../targets/${name}.mjs`, import.meta.url));

/**
 * Starts a filter in a process of its own and waits until it listens.
 * @param {string} name
 * @param {{ large: boolean, work: string, endpoint: string, answers?: Record<string, string> | undefined, profile?: string | undefined, against?: string | undefined }} request
 */
export async function startTarget(name, { profile, against, ...request }) {
  const flags =
    profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-interval=200', `--cpu-prof-dir=${profile}`];
  const isOurs = ['rxmilter', COLLECTING, AGAINST].includes(name);
  if (name === COLLECTING) flags.push('--expose-gc');
  const file = script(!isOurs ? name : request.large ? 'memory' : 'rxmilter');
  const env = name === AGAINST ? { ...process.env, RXMILTER_DIST: against } : process.env;
  const child =
    name === 'libmilter'
      ? spawnRaised(libmilterBinary(), [request.work, request.endpoint])
      : spawnRaised(process.execPath, [...flags, file, JSON.stringify(request)], env);
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const exited = once(child, 'exit');
  const late = AbortSignal.timeout(STARTING);
  while (!stdout.text.includes('ready\n')) {
    await Promise.race([once(child.stdout, 'data', { signal: late }), exited]);
    if (child.exitCode !== null) throw new Error(`${name} did not start: ${stderr.text.trim()}`);
  }
  return {
    pid: /** @type {number} */ (child.pid),
    /** Ends the process and gives what it complained about. */
    async stop() {
      // libmilter looks for signals every five seconds only, and has nothing to write at its end.
      child.kill(name === 'libmilter' ? 'SIGKILL' : 'SIGTERM');
      const hard = setTimeout(() => child.kill('SIGKILL'), STOPPING);
      await exited;
      clearTimeout(hard);
      return stderr.text.trim();
    },
    /** What it has said on its end. */
    said() {
      return stdout.text.slice(stdout.text.indexOf('ready\n') + 'ready\n'.length).trim();
    },
  };
}
