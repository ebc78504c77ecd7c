import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';

import { frame } from '../../bench/mail/wire.mjs';
import { serveFrames } from '../../bench/targets/frames.mjs';

test('a bare server answers a frame when all of it is there, however it is cut', async () => {
  const directory = await mkdtemp(`${tmpdir()}/rxmilter-`);
  const hex = (letter: string): string => frame(letter).toString('hex');
  const bodies: string[] = [];
  const server = await serveFrames(
    { endpoint: `unix:${directory}/sock`, answers: { B: hex('c'), E: hex('a') } },
    () => {
      let body = '';
      return {
        body: (piece) => void (body += piece.toString()),
        eom(reply) {
          bodies.push(body);
          body = '';
          reply();
        },
      };
    },
  );
  const socket = connect(`${directory}/sock`);
  try {
    let received = '';
    socket.setEncoding('latin1').on('data', (text: string) => (received += text));
    const message = [frame('D', 'B'), frame('B', 'one '), frame('L'), frame('B', 'two'), frame('E')];
    const answer = [frame('c'), frame('c'), frame('a')].join('');
    for (let round = 1; round <= 2; round++) {
      for (const byte of Buffer.concat(message)) {
        const before = received;
        socket.write(Buffer.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
        expect(answer.repeat(round).startsWith(before)).toBe(true);
      }
      while (received.length < answer.length * round) await once(socket, 'data');
      expect(received).toBe(answer.repeat(round));
    }
    expect(bodies).toEqual(['one two', 'one two']);
  } finally {
    socket.destroy();
    server.close();
    await rm(directory, { recursive: true });
  }
});
