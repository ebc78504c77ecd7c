import { createServer, type Socket, type AddressInfo } from 'node:net';
import { NEVER, Subject, concat, firstValueFrom, lastValueFrom, of, take, throwError, toArray } from 'rxjs';
import { on, reject, type Filter } from 'rxmilter';
import {
  deliver,
  deliveries,
  type DeliveriesOptions,
  sessionDeliveries,
  type ClientMail,
} from 'rxmilter/mta';
import { describe, expect, it, onTestFinished } from 'vitest';

import { scriptedMilter, type ScriptedMilter } from '../support/scripted-milter.js';

const mail = (sender: string): ClientMail => ({ sender, recipients: ['b@example.org'], body: 'x\n' });
const MAILS = ['a@x.test', 'b@x.test', 'c@x.test', 'd@x.test'].map(mail);
const nothing: Filter = on('eom', () => undefined);

async function start(...script: Parameters<typeof scriptedMilter>): Promise<ScriptedMilter> {
  const milter = await scriptedMilter(...script);
  onTestFinished(() => milter[Symbol.asyncDispose]());
  return milter;
}

/** A milter that takes connections and says nothing; tells of each, and of its end. */
async function silent(): Promise<{ to: string; opened: Promise<Socket>; closed: () => Promise<unknown> }> {
  const sockets: Socket[] = [];
  let tell: (socket: Socket) => void;
  const opened = new Promise<Socket>((resolve) => (tell = resolve));
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined).resume();
    socket.once('data', () => tell(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const closed = (): Promise<unknown> =>
    Promise.all(
      sockets.map(async (socket) => {
        if (!socket.closed) await new Promise((done) => socket.once('close', done));
      }),
    );
  return { to: `inet:${(server.address() as AddressInfo).port}@127.0.0.1`, opened, closed };
}

/** A filter whose messages wait for each other: each `mail` is answered when the test says so. */
function gated(): { filter: Filter; waiting: Map<string, () => void>; most: () => number } {
  const waiting = new Map<string, () => void>();
  let most = 0;
  const filter = on('mail', ({ address }) => {
    return new Promise<undefined>((resolve) => {
      waiting.set(address, () => {
        waiting.delete(address);
        resolve(undefined);
      });
      most = Math.max(most, waiting.size);
    });
  });
  return { filter, waiting, most: () => most };
}

/** Lets everything happen that needs no time. */
const turns = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

describe('deliveries', () => {
  it('emits what becomes of each mail, and which one that was', async () => {
    const filter = on('mail', ({ address }) => (address.startsWith('b') ? reject() : undefined));
    const all = await lastValueFrom(deliveries(MAILS, { to: filter, concurrency: 1 }).pipe(toArray()));
    expect(all.map((one) => [one.mail.sender, one.outcome])).toEqual([
      ['a@x.test', 'delivered'],
      ['b@x.test', 'refused'],
      ['c@x.test', 'delivered'],
      ['d@x.test', 'delivered'],
    ]);
    expect(all[0]?.mail).toBe(MAILS[0]);
  });

  it('has no more under way than it may, and emits in the order in which they are done', async () => {
    const { filter, waiting, most } = gated();
    const done: string[] = [];
    const all = lastValueFrom(deliveries(MAILS, { to: filter, concurrency: 2 }).pipe(toArray()));
    for (const next of ['b@x.test', 'c@x.test', 'a@x.test', 'd@x.test']) {
      while (!waiting.has(next)) await turns();
      done.push(next);
      waiting.get(next)?.();
      while (waiting.has(next)) await turns();
      await turns();
    }
    expect((await all).map(({ mail: { sender } }) => sender)).toEqual(done);
    expect(most()).toBe(2);
  });

  it('draws from an endless iterable only what it has room for, and tells it when it is done', async () => {
    let drawn = 0;
    let closed = false;
    function* endless(): Generator<ClientMail> {
      try {
        for (;;) yield mail(`${++drawn}@x.test`);
      } finally {
        closed = true;
      }
    }
    const some = deliveries(endless(), { to: nothing, concurrency: 3 }).pipe(take(5), toArray());
    expect(await lastValueFrom(some)).toHaveLength(5);
    expect(drawn).toBeLessThanOrEqual(5 + 3);
    expect(closed).toBe(true);
  });

  it('takes async iterables, promises and Observables', async () => {
    async function* pulled(): AsyncGenerator<ClientMail> {
      yield* await Promise.resolve(MAILS);
    }
    for (const source of [pulled(), Promise.resolve(mail('a@x.test')), of(...MAILS)]) {
      const all = await lastValueFrom(deliveries<ClientMail>(source, { to: nothing }).pipe(toArray()));
      expect(new Set(all.map(({ outcome }) => outcome))).toEqual(new Set(['delivered']));
    }
  });

  it('goes on with what an Observable emits later', async () => {
    const source = new Subject<ClientMail>();
    const seen: unknown[] = [];
    const ended = new Promise<void>((resolve) => {
      deliveries(source, { to: nothing }).subscribe({
        next: (one) => seen.push(one.mail.sender),
        complete: resolve,
      });
    });
    source.next(mail('a@x.test'));
    await turns();
    source.next(mail('b@x.test'));
    source.complete();
    await ended;
    expect(seen).toEqual(['a@x.test', 'b@x.test']);
  });

  it('does nothing before it is subscribed to', async () => {
    const milter = await start();
    deliveries(MAILS, { to: milter.address });
    await turns();
    expect(milter.heard).toEqual([]);
  });

  it('closes all connections at once when it is unsubscribed from', async () => {
    const { to, opened, closed } = await silent();
    const subscription = deliveries(MAILS, { to, concurrency: 3 }).subscribe();
    await opened;
    subscription.unsubscribe();
    await closed();
  });

  it('ends with the reason of a signal', async () => {
    const { to, opened, closed } = await silent();
    const stop = new AbortController();
    const all = lastValueFrom(deliveries(MAILS, { to, signal: stop.signal }));
    await opened;
    stop.abort(new Error('enough'));
    await expect(all).rejects.toThrow('enough');
    await closed();
  });

  it('goes on after a milter that fails, and says so', async () => {
    const milter = await start({ M: (socket) => socket.destroy() });
    const all = await lastValueFrom(
      deliveries(MAILS.slice(0, 2), { to: milter.address, concurrency: 1 }).pipe(toArray()),
    );
    expect(all.map(({ failure }) => failure?.kind)).toEqual(['disconnect', 'disconnect']);
  });

  it('ends with the error of its source, and of what cannot be sent', async () => {
    const broken = concat(
      of(mail('a@x.test')),
      throwError(() => new Error('source')),
    );
    await expect(lastValueFrom(deliveries(broken, { to: nothing }))).rejects.toThrow('source');
    const huge = { ...mail('a@x.test'), headers: [['X', 'y'.repeat(70_000)]] as [string, string][] };
    const seesHeaders = on('header', () => undefined);
    await expect(lastValueFrom(deliveries(concat(of(huge), NEVER), { to: seesHeaders }))).rejects.toThrow(
      RangeError,
    );
    await expect(lastValueFrom(deliveries(MAILS, { to: 'nowhere' }))).rejects.toThrow(/nowhere/);
  });

  it.each([0, -1, 1.5, NaN, '2' as never])('refuses a concurrency of %s', (concurrency) => {
    const options: DeliveriesOptions = { to: nothing, concurrency };
    expect(() => deliveries(MAILS, options)).toThrow(
      /concurrency is .*; it has to be a whole number from 1 on/,
    );
  });
});

describe('sessionDeliveries', () => {
  it('sends one mail after the other over one connection, and ends the session', async () => {
    const milter = await start();
    const all = await lastValueFrom(
      sessionDeliveries(MAILS.slice(0, 2), { to: milter.address }).pipe(toArray()),
    );
    expect(all.map((one) => [one.mail.sender, one.outcome])).toEqual([
      ['a@x.test', 'delivered'],
      ['b@x.test', 'delivered'],
    ]);
    const message = 'DMMDRRDTTDNNDBBDEEA';
    expect(milter.heard).toEqual([`ODCCDHH${message}${message}AQ`]);
  });

  it('closes the connection at once when it is unsubscribed from', async () => {
    const { to, opened, closed } = await silent();
    const subscription = sessionDeliveries(MAILS, { to }).subscribe();
    await opened;
    subscription.unsubscribe();
    await closed();
  });

  it('ends with the error of its source, and where the milter is no endpoint', async () => {
    const broken = concat(
      of(mail('a@x.test')),
      throwError(() => new Error('source')),
    );
    await expect(lastValueFrom(sessionDeliveries(broken, { to: nothing }))).rejects.toThrow('source');
    await expect(firstValueFrom(sessionDeliveries(NEVER, { to: 'nowhere' }))).rejects.toThrow(/nowhere/);
  });
});

describe('deliver, when its signal is aborted', () => {
  it('before it begins, does nothing', async () => {
    const milter = await start();
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(deliver(mail(''), { to: milter.address, signal })).rejects.toThrow('enough');
    expect(milter.heard).toEqual([]);
  });

  it.each(['O', 'C', 'M', 'E'])(
    'while it waits for the reply to %s, closes the connection',
    async (letter) => {
      const stop = new AbortController();
      let closed: Promise<unknown> | undefined;
      const milter = await start({
        [letter]: (socket) => {
          closed = new Promise((resolve) => socket.once('close', resolve));
          stop.abort(new Error('enough'));
        },
      });
      const sent = deliver(mail(''), { to: milter.address, onFailure: 'accept', signal: stop.signal });
      await expect(sent).rejects.toThrow('enough');
      await closed;
    },
  );

  it('while a filter is at work, has that cancelled', async () => {
    const stop = new AbortController();
    const cancelled: boolean[] = [];
    const filter = on('mail', (_mail, { signal }) => {
      setImmediate(() => stop.abort(new Error('enough')));
      return new Promise<undefined>((resolve) => {
        signal.addEventListener('abort', () => {
          cancelled.push(true);
          resolve(undefined);
        });
      });
    });
    await expect(deliver(mail(''), { to: filter, signal: stop.signal })).rejects.toThrow('enough');
    expect(cancelled).toEqual([true]);
  });

  it('while it listens for a reply that is not due, ends', async () => {
    const milter = await start({ O: '0000000d4f00000006000001ff000ff080', C: () => setImmediate(abort) });
    const stop = new AbortController();
    const abort = (): void => stop.abort(new Error('enough'));
    const sent = deliver(mail(''), {
      to: milter.address,
      timeouts: { silent: 3_600_000 },
      signal: stop.signal,
    });
    await expect(sent).rejects.toThrow('enough');
  });

  it('afterwards, changes nothing', async () => {
    const stop = new AbortController();
    expect((await deliver(mail(''), { to: nothing, signal: stop.signal })).outcome).toBe('delivered');
    stop.abort();
  });
});
