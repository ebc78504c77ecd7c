import { once } from 'node:events';
import { on, serve, replaceBody } from 'rxmilter';
import { afterEach, expect, it, onTestFinished, vi } from 'vitest';

import { said } from '../support/session-frames.js';
import { socketMta } from '../support/session-mta.js';

const LOOPBACK = { port: 0, host: '127.0.0.1' } as const;

afterEach(() => {
  vi.useRealTimers();
});

it('an MTA that does not negotiate is dropped, one that has nothing to say is not', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const errors: Error[] = [];
  const server = await serve(
    on('connect', () => undefined),
    { listen: LOOPBACK, onError: (error) => void errors.push(error) },
  );
  onTestFinished(() => server.destroy());
  const quiet = await socketMta(server.address);
  await quiet.ask('C01');
  const silent = await socketMta(server.address);
  // Connections are taken in order: once this one is answered, the one before is known.
  await (await socketMta(server.address)).ask('C01');
  vi.advanceTimersByTime(35_000);
  expect(await silent.rest()).toEqual([]);
  expect(errors.map(({ message }) => message)).toEqual([expect.stringContaining('No negotiation')]);
  expect(await quiet.ask('C03')).toEqual(said('R03'));
});

// Until the buffers of the system are full takes as long as the machine is busy.
it(
  'a body is not made faster than the MTA takes it, and what makes it is finished when the MTA goes',
  { timeout: 60_000 },
  async () => {
    const CHUNK = Buffer.alloc(65_535, 'x');
    let made = 0;
    let finished: () => void;
    const done = new Promise<void>((resolve) => (finished = resolve));
    async function* endless(): AsyncGenerator<Buffer> {
      try {
        for (;;) {
          made++;
          await Promise.resolve();
          yield CHUNK;
        }
      } finally {
        finished();
      }
    }
    const server = await serve(
      on('eom', () => replaceBody(endless())),
      { listen: LOOPBACK, onError: () => undefined },
    );
    onTestFinished(() => server.destroy());
    const mta = await socketMta(server.address);
    await mta.ask('C01');
    mta.socket.pause();
    mta.send('C26');
    // Until the buffers of the system are full and nothing is made for a good many turns of the event loop.
    for (let quiet = 0, last = -1; quiet < 200 || made === 0; quiet = made === last ? quiet + 1 : 0) {
      last = made;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(made * CHUNK.length).toBeLessThan(100_000_000);
    const full = made;
    mta.socket.resume();
    await once(mta.socket, 'data');
    while (made === full) await new Promise((resolve) => setImmediate(resolve));
    mta.socket.destroy();
    await done;
  },
);
