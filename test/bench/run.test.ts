import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { builtPackage, type BuiltPackage } from '../mta/support/built-package.js';
import { runBench } from './support/run-bench.js';

/** Each run compares every byte of every answer, and fails at the first that is wrong. */
describe.runIf(process.platform === 'linux')('the benchmark', { timeout: 60_000 }, () => {
  let built: BuiltPackage;
  let directory: string;

  beforeAll(async () => {
    built = await builtPackage();
    directory = await mkdtemp(`${tmpdir()}/rxmilter-`);
  }, 60_000);
  afterAll(async () => {
    await built.remove();
    await rm(directory, { recursive: true });
  });

  test.each([
    [
      'edits, recipients and files',
      '--works j,l,m --transports unix --targets rxmilter,floor,floor-file',
      ['x floor-file'],
    ],
    [
      'the answer to DATA',
      '--works c --transports inet --targets rxmilter,rxmilter-nodata,floor',
      ['what the answer to DATA costs at 2 connection(s)'],
    ],
    ['growth', '--quick --growth recipients --targets rxmilter,floor', ['us per recipient beyond']],
    [
      'many messages',
      '--growth messages --messages 100 --targets rxmilter',
      ['while 2 connections send 100 messages'],
    ],
  ])('measures %s', async (_what, line, parts) => {
    const { status, stdout, stderr } = await runBench(
      ['--connections', '2', ...line.split(' ')],
      built.index,
    );
    expect({ status, stderr }).toMatchObject({ status: 0 });
    for (const part of parts) expect(stdout).toContain(part);
    expect(stdout).not.toContain('NaN');
  });

  test("measures a filter of the user's", async () => {
    await writeFile(`${directory}/filter.mjs`, 'export default () => (events) => events;\n');
    const args = `--works b --connections 2 --transports unix --targets floor --filter ${directory}/filter.mjs`;
    const { status, stdout, stderr } = await runBench(args.split(' '), built.index);
    expect({ status, stderr }).toMatchObject({ status: 0 });
    expect(stdout).toContain('filter answered a message with 18.0 continue');
  });
});
