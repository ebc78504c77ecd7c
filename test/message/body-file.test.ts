import { spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { compiled } from './support/compiled.js';
import { scratch } from './support/scratch.js';

const directoryOf = scratch();
let code = '';
let store = '';

beforeAll(() => {
  code = mkdtempSync(join(tmpdir(), 'rxmilter-test-'));
  store = compiled('spool/body-store.ts', code);
});

afterAll(() => {
  rmSync(code, { recursive: true });
});

/** A program in which `store` collects in the directory that is its argument, and keeps nothing in memory. */
function program(rest: string): string[] {
  const before = `
    import { readdirSync, readlinkSync } from 'node:fs';
    import { BodyStore } from ${JSON.stringify(store)};
    const directory = process.argv[1];
    const store = new BodyStore({ memory: 0, directory });
    const say = (what) => process.stdout.write(JSON.stringify(what) + '\\n');
  `;
  return ['--input-type=module', '--expose-gc', '-e', before + rest];
}

/** Runs a program, with `before` in the shell that becomes it. */
function run(rest: string, directory: string, before = ':'): SpawnSyncReturns<string> {
  return spawnSync(
    'sh',
    ['-c', `${before} && exec "$@"`, 'sh', process.execPath, ...program(rest), directory],
    {
      encoding: 'utf8',
      timeout: 20_000,
    },
  );
}

describe('The file of a body', () => {
  it('is gone when the process is killed while it writes', async () => {
    const directory = directoryOf();
    const child = spawn(
      process.execPath,
      [
        ...program(
          `await store.push(Buffer.alloc(1)); say('began'); for (;;) await store.push(Buffer.alloc(65536));`,
        ),
        directory,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const exit = once(child, 'exit');
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    expect((await exit)[1]).toBe('SIGKILL');
    expect(readdirSync(directory)).toEqual([]);
  });

  const ends = [
    ['ends itself', 'process.exit(3);', 3],
    ['fails', 'throw new Error("in the middle");', 1],
    ['forgets an error', 'Promise.reject(new Error("in the middle")); await new Promise(() => {});', 1],
    ['runs out of things to do', '', 0],
  ] as const;

  it.each(ends)('is gone when the process %s while it writes', (_, end, status) => {
    const directory = directoryOf();
    const result = run(
      `await store.push(Buffer.alloc(65536)); store.push(Buffer.alloc(9_000_000)); say('began'); ${end}`,
      directory,
    );
    expect(result).toMatchObject({ status, stdout: '"began"\n' });
    expect(readdirSync(directory)).toEqual([]);
  });

  it('is all that grows with the body: 64 MiB go through a few MiB of memory', () => {
    const { status, stdout, stderr } = run(
      `
      let peak = 0;
      const look = (at) => { if (at % 32 === 0) { gc(); peak = Math.max(peak, process.memoryUsage().arrayBuffers); } };
      gc();
      const before = process.memoryUsage().arrayBuffers;
      for (let at = 0; at < 1024; at++) { await store.push(Buffer.alloc(65536, at)); look(at); }
      let at = 0, bytes = 0;
      for await (const chunk of store.chunks()) { if (chunk[0] !== at % 256) process.exit(9); bytes += chunk.length; look(at++); }
      say({ bytes, grown: peak - before });
    `,
      directoryOf(),
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const { bytes, grown } = JSON.parse(stdout) as { bytes: number; grown: number };
    expect(bytes).toBe(64 * 1024 * 1024);
    expect(grown).toBeLessThan(4 * 1024 * 1024);
  });
});

const FILL = `
  let taken = 0;
  try { for (;;) { await store.push(Buffer.alloc(65536)); taken++; } }
  catch (error) { say({ taken, name: error.name, code: error.code, message: error.message, left: readdirSync(directory) }); }
  const open = () => readdirSync('/proc/self/fd').filter((fd) => {
    try { return readlinkSync('/proc/self/fd/' + fd).startsWith(directory + '/'); } catch { return false; }
  });
  // It is given back at once, not only at the end of the message.
  while (open().length > 0) await new Promise(setImmediate);
  try { await store.bytes(); } catch (error) { say({ code: error.code }); }
  try { await store.push(Buffer.alloc(1)); } catch (error) { say({ code: error.code }); }
`;

function reported({ stdout }: SpawnSyncReturns<string>): unknown[] {
  return stdout
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
}

describe('A body for which there is no room', () => {
  it('is an error for the filter that collects it where the process may not write so much', () => {
    const directory = directoryOf();
    // In blocks of 512 bytes: 128 KiB.
    const result = run(FILL, directory, 'ulimit -f 256');
    expect(result.stderr).toBe('');
    expect(reported(result)).toEqual([
      {
        taken: 2,
        name: 'BodyFileError',
        code: 'EFBIG',
        message: expect.stringContaining(`could not be written in ${directory}: EFBIG`),
        left: [],
      },
      { code: 'EFBIG' },
      { code: 'EFBIG' },
    ]);
  });

  const mount = 'mount -t tmpfs -o size=131072 rxmilter "$1"';
  const able =
    spawnSync('unshare', ['-rm', 'sh', '-c', mount, 'sh', tmpdir()], { encoding: 'utf8' }).status === 0;
  if (!able) console.log('Skipped: a full disk, because no file system can be mounted here.');

  it.skipIf(!able)('is an error for the filter that collects it where the disk is full', () => {
    const directory = directoryOf();
    const result = spawnSync(
      'unshare',
      [
        '-rm',
        'sh',
        '-c',
        `${mount} && shift && exec "$@"`,
        'sh',
        directory,
        process.execPath,
        ...program(FILL),
        directory,
      ],
      { encoding: 'utf8', timeout: 20_000 },
    );
    expect(result.stderr).toBe('');
    expect(reported(result)).toEqual([
      {
        taken: 2,
        name: 'BodyFileError',
        code: 'ENOSPC',
        message: expect.stringContaining(`could not be written in ${directory}: ENOSPC`),
        left: [],
      },
      { code: 'ENOSPC' },
      { code: 'ENOSPC' },
    ]);
    expect(readdirSync(directory)).toEqual([]);
  });
});
