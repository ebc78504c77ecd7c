import { spawn, spawnSync } from 'node:child_process';

/** Child processes with as many open files as the system grants. */

// A shell raises the limit and becomes the command: the process id stays the one that was started.
const RAISE = 'ulimit -n 20000 2>/dev/null || ulimit -n "$(ulimit -Hn)" 2>/dev/null; exec "$@"';

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

// Whatever ends the run, nothing of it stays behind.
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** @param {string} command @param {readonly string[]} args @param {NodeJS.ProcessEnv} [env] */
export function spawnRaised(command, args, env = process.env) {
  const child = spawn('/bin/sh', ['-c', RAISE, 'sh', command, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env,
  });
  running.add(child);
  return child.once('exit', () => running.delete(child));
}

/** How many files a child may have open. */
export function openFiles() {
  const { stdout } = spawnSync('/bin/sh', ['-c', RAISE, 'sh', '/bin/sh', '-c', 'ulimit -n'], {
    encoding: 'utf8',
  });
  return stdout.trim() === 'unlimited' ? Infinity : Number(stdout);
}

/** Collects what a stream says. @param {import('node:stream').Readable} stream */
export function collect(stream) {
  const said = { text: '' };
  stream.setEncoding('utf8').on('data', (part) => (said.text += part));
  return said;
}
