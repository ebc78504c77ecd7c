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
      'the answer to DATA, where it is because of TCP',
      '--works c,e --transports inet --targets rxmilter,rxmilter-nodata,floor',
      ['what the answer to DATA costs at 2 connection(s)'],
    ],
    ['growth', '--quick --growth recipients --targets rxmilter,floor', ['us per recipient beyond']],
    [
      'many messages',
      '--growth messages --messages 10 --targets rxmilter',
      ['while 2 connections send 10 messages'],
    ],
  ])('measures %s', async (_what, line, parts) => {
    const { status, stdout, stderr } = await runBench(
      ['--connections', '2', ...line.split(' ')],
      built.index,
    );
    expect({ status, stderr }).toMatchObject({ status: 0 });
    for (const part of parts) expect(stdout).toContain(part);
    expect(stdout).not.toContain('NaN');
    expect(stdout.match(/what the answer to DATA costs/g) ?? []).toHaveLength(
      line.includes('nodata') ? 1 : 0,
    );
  });

  test("measures a filter of the user's", async () => {
    await writeFile(`${directory}/filter.mjs`, 'export default () => (events) => events;\n');
    const args = `--works b --connections 2 --transports unix --targets floor --filter ${directory}/filter.mjs`;
    const { status, stdout, stderr } = await runBench(args.split(' '), built.index);
    expect({ status, stderr }).toMatchObject({ status: 0 });
    expect(stderr).not.toContain('Stopping');
    expect(stdout).toContain('filter answered a message with 18.0 continue');
  });
});
