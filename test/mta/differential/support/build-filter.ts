import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { run } from '../../support/run.js';

const SOURCE = fileURLToPath(new URL('../filter.c', import.meta.url));
const CACHE = fileURLToPath(
  new URL('../../../../node_modules/.cache/rxmilter-differential', import.meta.url),
);
const FLAGS = ['-O1', '-std=gnu11', '-Wall', '-Wextra', '-Werror'];

/** Compiles the filter in C, unless that was done for this very source before; gives the path of the program. */
export async function buildFilter(): Promise<string> {
  const source = await readFile(SOURCE);
  const program = `${CACHE}/${createHash('sha256').update(source).update(FLAGS.join()).digest('hex')}`;
  if (existsSync(program)) return program;
  await mkdir(CACHE, { recursive: true });
  const fresh = `${program}.${process.pid}`;
  await run('cc', [...FLAGS, SOURCE, '-o', fresh, '-lmilter', '-lpthread']);
  await rename(fresh, program);
  return program;
}
