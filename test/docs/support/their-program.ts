import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { onTestFinished } from 'vitest';

import { freePort } from '../../mta/support/free-port.js';
import { isListening } from '../../mta/support/is-listening.js';
import { eventually } from './eventually.js';

/** Why no program for libmilter can be compiled here; nothing where it can. */
export function missingForLibmilter(): string | undefined {
  // Whether it listens is read from the kernel's table.
  if (process.platform !== 'linux') return 'this is not Linux';
  if (!existsSync('/usr/include/libmilter/mfapi.h')) return 'the header files of libmilter are not installed';
  if (spawnSync('cc', ['--version']).status !== 0) return 'there is no C compiler';
  return undefined;
}

/** Compiles a program for libmilter, without a warning, and runs it for the time of the test; gives where it listens. */
export async function runLibmilterProgram(code: string): Promise<string> {
  const directory = await mkdtemp(`${tmpdir()}/rxmilter-theirs-`);
  onTestFinished(() => rm(directory, { recursive: true }));
  await writeFile(`${directory}/filter.c`, code);
  const flags = ['-Wall', '-Wextra', '-Werror', '-o', `${directory}/filter`, `${directory}/filter.c`];
  const { status, stderr } = spawnSync('cc', [...flags, '-lmilter', '-pthread'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`It does not compile:\n${stderr}`);

  const port = await freePort();
  const address = `inet:${port}@127.0.0.1`;
  const program = spawn(`${directory}/filter`, [address], { stdio: 'ignore' });
  onTestFinished(() => void program.kill('SIGKILL'));
  await eventually('their program listens', () => isListening(port));
  return address;
}
