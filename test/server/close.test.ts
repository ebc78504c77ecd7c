import { NEVER, Subject, firstValueFrom, take } from 'rxjs';
import { on, type MilterServer, type ServeOptions, serve, accept, reject } from 'rxmilter';
import { describe, expect, it, onTestFinished } from 'vitest';

import { type Accept } from '../../src/session/decisions.js';
import { frame, said } from '../support/session-frames.js';
import { socketMta } from '../support/session-mta.js';

const STOPPING = said(frame('y', '421 4.3.2 Service is shutting down, try again later\0'));

async function serving(
  filter: Parameters<typeof serve>[0],
  options: Partial<ServeOptions> = {},
): Promise<{ server: MilterServer; errors: Error[] }> {
  const errors: Error[] = [];
  const server = await serve(filter, {
    listen: { port: 0, host: '127.0.0.1' },
    onError: (error) => void errors.push(error),
    ...options,
  });
  onTestFinished(() => server.destroy());
  return { server, errors };
}

describe('close()', () => {
  it('without connections is done at once, and nobody can connect any more', async () => {
    const { server } = await serving(on('rcpt', () => undefined));
    await server.close();
    await expect(socketMta(server.address)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('is what `await using` calls', async () => {
    const { server } = await serving(on('rcpt', () => undefined));
    await server[Symbol.asyncDispose]();
    await expect(socketMta(server.address)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('lets a message in flight finish, then closes', async () => {
    const { server, errors } = await serving(
      on(['rcpt', 'eom'], ({ stage }) => (stage === 'eom' ? accept() : undefined)),
      { timeouts: { linger: 20 } },
    );
    const mta = await socketMta(server.address);
    await mta.ask('C01');
    mta.send('C12');
    await mta.ask('C16');
    const closing = server.close();
    expect(await mta.ask('C16')).toEqual(said('R03'));
    expect(await mta.ask('C26')).toEqual(said('R04'));
    await closing;
    expect(await mta.rest()).toEqual([]);
    expect(errors).toEqual([]);
  });

  it('waits for a decision that is pending', async () => {
    const go = new Subject<Accept>();
    const { server } = await serving(
      on(['rcpt', 'eom'], ({ stage }) => (stage === 'eom' ? go.pipe(take(1)) : undefined)),
      { timeouts: { linger: 20 } },
    );
    const mta = await socketMta(server.address);
    await mta.ask('C01');
    await mta.ask('C16');
    mta.send('C26');
    const closing = server.close();
    // The end of the message may not be there yet.
    while (!go.observed) await new Promise((resolve) => setImmediate(resolve));
    go.next(accept());
    await closing;
    expect(await mta.rest()).toEqual(said('R04'));
  });

  it('puts a message off that begins now', async () => {
    const { server } = await serving(
      on(['mail', 'rcpt'], () => undefined),
      { timeouts: { linger: 20 } },
    );
    const mta = await socketMta(server.address);
    await mta.ask('C01');
    await mta.ask('C12');
    const closing = server.close();
    expect(await mta.ask('C28', 'C12')).toEqual(STOPPING);
    mta.send('C29');
    await closing;
  });

  it('closes a connection that has nothing to do', async () => {
    const { server } = await serving(
      on('mail', () => undefined),
      { timeouts: { linger: 20 } },
    );
    const mta = await socketMta(server.address);
    await mta.ask('C01');
    await server.close();
    expect(await mta.rest()).toEqual([]);
  });

  it('may be called again, and waits for the same end', async () => {
    const { server } = await serving(
      on('mail', () => undefined),
      { timeouts: { linger: 20 } },
    );
    const mta = await socketMta(server.address);
    await mta.ask('C01');
    await Promise.all([server.close(), server.close(), server[Symbol.asyncDispose]()]);
    await server.close();
    server.destroy();
    await mta.closed;
  });

  it('does not wait for ever: what is pending at the deadline gets the failure decision', async () => {
    const asked = new Subject<void>();
    const filter = on('rcpt', () => {
      asked.next();
      return NEVER;
    });
    const { server, errors } = await serving(filter, { drainTimeout: 30, failure: reject() });
    const mta = await socketMta(server.address);
    await mta.ask('C01');
    const pending = firstValueFrom(asked);
    mta.send('C16', 'C16');
    await pending;
    await server.close();
    expect(await mta.rest()).toEqual(said('R05'));
    expect(errors).toEqual([expect.objectContaining({ name: 'UnansweredError', stage: 'rcpt' })]);
  });

  it('does not wait for an MTA that keeps its socket open for ever', async () => {
    const { server } = await serving(
      on('rcpt', () => undefined),
      { drainTimeout: 30 },
    );
    const mta = await socketMta(server.address);
    await mta.ask('C01');
    mta.send('C12');
    await mta.ask('C16');
    mta.socket.pause();
    await server.close();
    mta.socket.destroy();
  });
});

describe('close({ grace })', () => {
  const filter = on(['mail', 'rcpt'], () => undefined);
  const HOUR = 3_600_000;

  it('serves new messages on connections that are open, and nobody who connects', async () => {
    const { server, errors } = await serving(filter);
    const mta = await socketMta(server.address);
    await mta.ask('C01');
    const closing = server.close({ grace: HOUR });
    await expect(socketMta(server.address)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    for (let message = 0; message < 2; message++) {
      expect(await mta.ask('C12')).toEqual(said('R03'));
      expect(await mta.ask('C16')).toEqual(said('R03'));
      mta.send('C28');
    }
    mta.send('C29');
    await closing;
    expect(await mta.rest()).toEqual([]);
    expect(errors).toEqual([]);
  });

  it('is over with the last connection', async () => {
    const { server } = await serving(filter);
    const mta = await socketMta(server.address);
    await mta.ask('C01');
    const closing = server.close({ grace: HOUR });
    mta.socket.destroy();
    await closing;
  });

  it('is not in the way of a listener, which gets the name of its signal', async () => {
    const { server } = await serving(filter);
    await (server.close as (signal: unknown) => Promise<void>)('SIGTERM');
  });

  it('puts messages off that begin after it', async () => {
    const { server } = await serving(filter);
    const mta = await socketMta(server.address);
    await mta.ask('C01');
    const closing = server.close({ grace: 20 });
    let answer = said('R03');
    // Until it is over there may be any number of messages.
    while (answer[0] !== STOPPING[0]) {
      expect(answer).toEqual(said('R03'));
      answer = await mta.ask('C12');
      mta.send('C28');
    }
    mta.send('C29');
    await closing;
  });

  it.each(['close', 'destroy'] as const)('is ended by %s()', async (end) => {
    const { server } = await serving(filter, { timeouts: { linger: 20 } });
    const mta = await socketMta(server.address);
    await mta.ask('C01');
    const closing = server.close({ grace: HOUR });
    void server[end]();
    await closing;
    expect(await mta.rest()).toEqual([]);
  });

  it('is not prolonged by a longer one', async () => {
    const { server } = await serving(filter, { timeouts: { linger: 20 } });
    const mta = await socketMta(server.address);
    await mta.ask('C01');
    await Promise.all([server.close({ grace: 20 }), server.close({ grace: HOUR })]);
    await mta.closed;
  });

  it.each([-1, NaN, Infinity, 2 ** 31])('refuses %d, and goes on', async (grace) => {
    const { server } = await serving(filter);
    await expect(server.close({ grace })).rejects.toThrow(
      `close(): grace is ${grace}; it has to be a number of milliseconds from 0 to`,
    );
    const mta = await socketMta(server.address);
    expect(await mta.ask('C01')).toHaveLength(1);
    mta.socket.destroy();
  });
});

describe('destroy()', () => {
  it('ends everything at once: nobody is answered', async () => {
    const { server, errors } = await serving(on('rcpt', () => NEVER));
    const outcomes = new Promise<void>((resolve) => server.outcomes.subscribe({ complete: resolve }));
    const mtas = await Promise.all([socketMta(server.address), socketMta(server.address)]);
    for (const mta of mtas) {
      await mta.ask('C01');
      mta.send('C16');
    }
    server.destroy();
    for (const mta of mtas) expect(await mta.rest()).toEqual([]);
    await outcomes;
    await server.close();
    expect(errors).toEqual([]);
  });

  it('ends a close() that is under way', async () => {
    const { server } = await serving(on('rcpt', () => NEVER));
    const mta = await socketMta(server.address);
    await mta.ask('C01');
    mta.send('C16');
    const closing = server.close();
    server.destroy();
    await closing;
    await mta.closed;
  });
});
