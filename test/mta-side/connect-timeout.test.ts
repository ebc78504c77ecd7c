import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { deliver } from 'rxmilter/mta';
import { describe, expect, it, onTestFinished } from 'vitest';

/** Listens with room for hardly a connection, says where, and never takes one. */
const DEAF = `
  const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    require('node:fs').writeSync(1, String(server.address().port));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
`;

/** A port that is listened on, and whose queue of connections is full. */
async function deaf(): Promise<number> {
  const child = spawn(process.execPath, ['-e', DEAF], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [port] = (await once(child.stdout, 'data')) as [Buffer];
  const fillers = Array.from({ length: 5 }, () =>
    connect(Number(port), '127.0.0.1').on('error', () => undefined),
  );
  onTestFinished(() => {
    for (const filler of fillers) filler.destroy();
  });
  // The kernel has taken two: one more than there is room for. It lets the others wait.
  await Promise.all(fillers.slice(0, 2).map((filler) => once(filler, 'connect')));
  return Number(port);
}

describe.runIf(process.platform === 'linux')('a milter that takes no connections', () => {
  it('fails when the time for the connection is over', async () => {
    const to = `inet:${await deaf()}@127.0.0.1`;
    const mail = { sender: 'a@example.com', recipients: ['b@example.org'] };
    const { failure, outcome } = await deliver(mail, { to, timeouts: { connect: 100 } });
    expect(outcome).toBe('deferred');
    expect(failure).toMatchObject({ kind: 'timeout', stage: 'connect' });
    expect(failure?.message).toContain(`${to}: no connection within 100 ms`);
  });

  it('is left when the signal is aborted', async () => {
    const to = `inet:${await deaf()}@127.0.0.1`;
    const stop = new AbortController();
    const mail = { sender: 'a@example.com', recipients: ['b@example.org'] };
    const sent = deliver(mail, { to, signal: stop.signal });
    setImmediate(() => stop.abort(new Error('enough')));
    await expect(sent).rejects.toThrow('enough');
  });
});
