import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { compiled } from '../../message/support/compiled.js';

const MODULES = fileURLToPath(new URL('../../../node_modules', import.meta.url));
const MEGABYTE = 1_048_576;

/**
 * A mail server and a milter that are mere sockets and keep nothing, with a server between them that asks the milter by
 * `remote()`: a process of its own. Prints how much more than before there is in memory after each of `count` messages,
 * `every` of them between two looks.
 */
function program(count: number, every: number, chunks: number): string {
  return `
    import { createServer, connect } from 'node:net';
    import { once } from 'node:events';
    import { remote, serve } from './index.js';

    const frame = (letter, data = Buffer.alloc(0)) => {
      const bytes = Buffer.alloc(5 + data.length);
      bytes.writeUInt32BE(data.length + 1);
      bytes.write(letter, 4, 'latin1');
      data.copy(bytes, 5);
      return bytes;
    };
    const CONTINUE = frame('c');
    const words = (...all) => { const b = Buffer.alloc(12); all.forEach((word, at) => b.writeUInt32BE(word, 4 * at)); return b; };
    /** Calls back with each letter, and lets go of the data. */
    const letters = (socket, heard) => {
      let head = Buffer.alloc(0);
      let skip = 0;
      socket.on('data', (chunk) => {
        while (chunk.length > 0) {
          const skipped = Math.min(skip, chunk.length);
          skip -= skipped;
          chunk = chunk.subarray(skipped);
          if (chunk.length === 0) return;
          const taken = chunk.subarray(0, 5 - head.length);
          head = Buffer.concat([head, taken]);
          chunk = chunk.subarray(taken.length);
          if (head.length < 5) return;
          skip = head.readUInt32BE(0) - 1;
          const letter = String.fromCharCode(head[4]);
          head = Buffer.alloc(0);
          heard(letter);
        }
      });
    };

    const milter = createServer((socket) => {
      letters(socket, (letter) => {
        if (letter === 'O') socket.write(frame('O', words(6, 0x1ff, 0)));
        else if (!'DAQ'.includes(letter)) socket.write(CONTINUE);
        else if (letter === 'Q') socket.end();
      });
    }).listen(0, '127.0.0.1');
    await once(milter, 'listening');

    const errors = [];
    const filter = remote({ host: '127.0.0.1', port: milter.address().port });
    const server = await serve(filter, { listen: 'inet:0@127.0.0.1', onError: (error) => errors.push(error.message) });
    const [, port, host] = /^inet:(\\d+)@(.*)$/.exec(server.address);
    const mta = connect(Number(port), host);
    await once(mta, 'connect');
    mta.setNoDelay(true);
    let answered = () => {};
    letters(mta, (letter) => { if (letter !== 'p') answered(letter); });
    const ask = (bytes) => { const answer = new Promise((resolve) => (answered = resolve)); mta.write(bytes); return answer; };

    await ask(frame('O', words(6, 0x1ff, 0)));
    await ask(frame('C', Buffer.from('localhost\\x004\\x00\\x19127.0.0.1\\0', 'latin1')));
    await ask(frame('H', Buffer.from('client\\0')));
    const [mail, rcpt, eoh, eom] = [frame('M', Buffer.from('<a@b>\\0')), frame('R', Buffer.from('<c@d>\\0')), frame('N'), frame('E')];
    const header = frame('L', Buffer.from('Subject\\0hello\\0'));
    const body = frame('B', Buffer.alloc(65_535, 'x'));
    const message = async () => {
      for (const bytes of [mail, rcpt]) await ask(bytes);
      if (${chunks} > 0) for (const bytes of [header, eoh]) await ask(bytes);
      for (let at = 0; at < ${chunks}; at++) await ask(body);
      const last = await ask(eom);
      if (last !== 'c') throw new Error('the message got ' + last);
      mta.write(frame('A'));
    };
    const measured = () => {
      gc(); gc();
      const { heapUsed, external, arrayBuffers } = process.memoryUsage();
      return heapUsed + external + arrayBuffers;
    };
    for (let at = 0; at < ${Math.min(every, 200)}; at++) await message();
    const idle = measured();
    const grown = [];
    for (let at = 1; at <= ${count}; at++) {
      await message();
      if (at % ${every} === 0) grown.push(measured() - idle);
    }
    console.log(JSON.stringify({ grown, errors }));
    process.exit(0);
  `;
}

describe('A connection to a milter elsewhere', () => {
  let directory = '';

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'rxmilter-remote-'));
    symlinkSync(MODULES, join(directory, 'node_modules'));
    compiled('index.ts', directory);
  }, 120_000);

  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  it.each([
    ['four messages of 50 MB', 4, 1, 800, 20 * MEGABYTE],
    ['four thousand small ones', 4_000, 1_000, 0, 2 * MEGABYTE],
  ] as const)('keeps nothing of %s', { timeout: 600_000 }, (_what, count, every, chunks, most) => {
    const args = ['--input-type=module', '--expose-gc', '-e', program(count, every, chunks)];
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: directory, encoding: 'utf8' });
    expect(stderr).toBe('');
    const { grown, errors } = JSON.parse(stdout) as { grown: number[]; errors: string[] };
    expect(errors).toEqual([]);
    expect(grown).toHaveLength(count / every);
    expect(Math.max(...grown)).toBeLessThan(most);
  });
});
