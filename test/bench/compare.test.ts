import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { frame, optneg } from '../../bench/mail/wire.mjs';
import { runBench, type BenchRun } from './support/run-bench.js';

const FLOOR = fileURLToPath(new URL('../../bench/targets/floor.mjs', import.meta.url));
/** Only the end of the message is wanted. */
const LAZY = optneg(6, 1, 0x37f);
const OFFER = Buffer.from('O');
const EOM = frame('E');
const NAMED = ['--works', 'c', '--connections', '2', '--transports', 'unix', '--targets', 'floor'];

describe.runIf(process.platform === 'linux')('--compare', { timeout: 60_000 }, () => {
  let directory: string;
  let server: Server | undefined;

  beforeEach(async () => {
    directory = await mkdtemp(`${tmpdir()}/rxmilter-`);
  });
  afterEach(async () => {
    server?.close();
    server = undefined;
    await rm(directory, { recursive: true });
  });

  const run = (pid = process.pid): Promise<BenchRun> =>
    runBench([...NAMED, '--compare', `other=local:${directory}/sock,${pid}`]);

  /** Answers the negotiation, and the end of each message. */
  async function answering(negotiation: Buffer | 'end', end: Buffer | 'end' = 'end'): Promise<void> {
    server = createServer((socket: Socket) => {
      socket.on('error', () => socket.destroy());
      socket.on('data', (bytes) => {
        const answer = bytes.subarray(4, 5).equals(OFFER) ? negotiation : end;
        if (answer === negotiation || bytes.subarray(-EOM.length).equals(EOM))
          if (answer === 'end') socket.end();
          else socket.write(answer);
      });
    }).listen(`${directory}/sock`);
    await once(server, 'listening');
  }

  test('measures a milter that runs already, whatever it answers', async () => {
    await answering(LAZY, Buffer.concat([frame('p'), frame('q', 'odd\0'), frame('a')]));
    const { status, stdout, stderr } = await run();
    expect({ status, stderr }).toMatchObject({ status: 0 });
    expect(stdout).toMatch(/^unix +2 +other +1 /m);
    expect(stdout).toContain('other answered a message with 1.00 QUARANTINE, 1.00 accept');
  });

  test.each([
    [
      'negotiates what was not offered',
      [optneg(6, 0x10000, 0)],
      'it negotiates 0x10000, which was not offered',
    ],
    ['negotiates version 9', [optneg(9, 1, 0)], 'it negotiates version 9, and there are 2 to 6'],
    ['negotiates in too few bytes', [frame('O', Buffer.alloc(8))], 'is no answer to a negotiation'],
    ['answers the offer with a continue', [frame('c')], '0000000163 is no answer to a negotiation'],
    [
      'speaks HTTP',
      [Buffer.from('HTTP/1.1 400 Bad Request\r\n')],
      'bytes that begin no frame of the milter protocol',
    ],
    ['closes while it negotiates', ['end' as const], 'the filter closed the connection at the negotiation'],
    [
      'closes at the end of the message',
      [LAZY, 'end' as const],
      'the filter closed the connection at eom, step 0',
    ],
    ['answers what is none', [LAZY, frame('!')], 'eom, step 0: the filter answers eom with "!"'],
  ])('says of a milter that %s what is wrong', async (_what, [negotiation = 'end', end], message) => {
    await answering(negotiation, end);
    const { status, stderr } = await run();
    expect(status).toBe(1);
    expect(stderr).toMatch(/^other, work [ac], \d x unix: /m);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain(' at file://');
  });

  test('has the CPU time of child processes, too', async () => {
    const endpoint = `unix:${directory}/sock`;
    const answers = { O: LAZY.toString('hex'), E: frame('c').toString('hex') };
    const child = [process.execPath, FLOOR, JSON.stringify({ endpoint, answers })];
    const shell = spawn('/bin/sh', ['-c', '"$@" & echo $!; wait', 'sh', ...child], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    shell.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    while (!said.includes('ready\n')) await once(shell.stdout, 'data');
    try {
      const { stdout } = await run(shell.pid);
      const [, cpu] = /^unix +2 +other +1 +\S+ +(\S+)/m.exec(stdout) ?? [];
      expect(Number(cpu)).toBeGreaterThan(0);
    } finally {
      process.kill(Number.parseInt(said));
      await once(shell, 'exit');
    }
  });

  test('says that nothing listens', async () => {
    const { status, stderr } = await run();
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: `other, work a, 1 x unix: nothing listens on unix:${directory}/sock (ENOENT)\n`,
    });
  });

  test('says that there is no such process', async () => {
    const gone = spawn(process.execPath, ['--version']);
    await once(gone, 'exit');
    await answering(LAZY, frame('c'));
    const { status, stderr } = await run(gone.pid);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: `--compare other: there is no process ${gone.pid}\n`,
    });
  });
});
