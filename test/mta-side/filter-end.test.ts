import { setTimeout as pause } from 'node:timers/promises';
import {
  compose,
  observe,
  on,
  perMessage,
  serve,
  reject,
  UnansweredError,
  addHeader,
  replaceBody,
  type Outcome,
} from 'rxmilter';
import { type Chunking, type ClientMail, MtaSession, deliver, filterEnd } from 'rxmilter/mta';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { cutter } from '../../src/mta/client/filter-end.js';
import { said } from '../support/session-frames.js';
import { frames } from '../support/vectors.js';

const MAIL: ClientMail = {
  sender: 'alice@example.com',
  recipients: ['bob@example.org', 'absent@example.org'],
  headers: [
    ['Subject', 'hello'],
    ['X-Folded', 'one\n two'],
  ],
  body: 'Hello.\n'.repeat(30_000),
};

const filter = perMessage(() => {
  let bytes = 0;
  return compose(
    on('rcpt', ({ address }) => address.startsWith('absent@') && reject('No such user')),
    observe('body', ({ chunk }) => void (bytes += chunk.length)),
    on('eom', async () => {
      await Promise.resolve();
      return [addHeader('X-Bytes', String(bytes)), replaceBody('x'.repeat(100_000))];
    }),
  );
});

afterEach(() => {
  vi.useRealTimers();
});

describe('a filter at the end of a stream', () => {
  it.each<Chunking>(['whole', 'bytes', { seed: 1 }, { seed: 2 }])(
    'does with mail what it does behind a socket, its bytes cut like this: %o',
    async (chunks) => {
      const server = await serve(filter, { listen: { port: 0 } });
      onTestFinished(() => server.destroy());
      const served = await deliver(MAIL, { to: server.address });
      const here = await deliver(MAIL, { to: filter, chunks });
      expect(here.failure).toBeUndefined();
      expect(here.outcome).toBe('delivered');
      expect(here.headers.slice(1)).toEqual(served.headers.slice(1));
      expect(here.headers.at(-1)).toMatchObject({ name: 'X-Bytes', value: '240000' });
      expect(here.body).toEqual(served.body);
      expect(here.refused.map(({ address }) => address)).toEqual(['absent@example.org']);
      expect(here.steps.map(({ reply }) => reply.code)).toEqual(served.steps.map(({ reply }) => reply.code));
    },
  );

  it('answers within the write where it decides at once', () => {
    const stream = filterEnd(on('rcpt', () => reject()));
    onTestFinished(() => void stream.destroy());
    stream.write(frames('C01'));
    stream.read();
    stream.write(frames('C16'));
    expect((stream.read() as Buffer).toString('hex')).toEqual(said('R05').join(''));
  });

  it('is told the options, and tells of its outcomes', async () => {
    const outcomes: Outcome[] = [];
    const broken = on('rcpt', () => {
      throw new Error('broken');
    });
    const { reply } = await deliver(
      { sender: '', recipients: ['a@b.test'] },
      { to: broken, session: { failure: reject('Out of order') }, outcome: (one) => void outcomes.push(one) },
    );
    expect(reply).toMatchObject({ code: 550, lines: ['Out of order'] });
    expect(outcomes.map(({ stage, error }) => [stage, error?.message])).toContainEqual([
      'rcpt',
      'The filter failed at stage rcpt: broken',
    ]);
  });

  it('has deadlines that run in virtual time', async () => {
    vi.useFakeTimers();
    const outcomes: Outcome[] = [];
    const sent = deliver(
      { sender: '', recipients: ['a@b.test'] },
      {
        to: on('rcpt', () => new Promise<undefined>(() => undefined)),
        outcome: (one) => void outcomes.push(one),
      },
    );
    await vi.advanceTimersByTimeAsync(8000);
    await vi.advanceTimersByTimeAsync(1000);
    expect((await sent).reply.code).toBe(451);
    expect(outcomes.some(({ error }) => error instanceof UnansweredError)).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('cancels what runs where the connection is lost, and where the MTA closes its end', async () => {
    for (const how of ['destroy', 'end'] as const) {
      const signals: AbortSignal[] = [];
      const stream = filterEnd(
        on('rcpt', async (_rcpt, { signal }) => {
          signals.push(signal);
          await pause(60_000, undefined, { signal }).catch(() => undefined);
        }),
      ).resume();
      stream.write(frames('C01'));
      stream.write(frames('C16'));
      const closed = new Promise((resolve) => stream.once('close', resolve));
      stream[how]();
      await closed;
      expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    }
  });

  it('does not read on from an MTA that sends and sends while it is asked for an answer', async () => {
    let answer: () => void = () => undefined;
    const stream = filterEnd(
      on('rcpt', () => new Promise<undefined>((resolve) => (answer = () => resolve(undefined)))),
    );
    onTestFinished(() => void stream.destroy());
    stream.write(frames('C01'));
    stream.write(frames('C16'));
    const body = Buffer.concat([Buffer.from('0001000042', 'hex'), Buffer.alloc(65_535)]);
    for (let sent = 0; sent < 10; sent++) stream.write(body);
    expect(stream.writableNeedDrain).toBe(true);
    const drained = new Promise((resolve) => stream.once('drain', resolve));
    answer();
    await drained;
  });

  it('takes several messages on one connection', async () => {
    const session = await MtaSession.open({ to: filter });
    const [one, two] = [await session.send(MAIL), await session.send({ ...MAIL, body: 'x' })];
    await session.close();
    expect([one.headers.at(-1)?.value, two.headers.at(-1)?.value]).toEqual(['240000', '3']);
  });

  it('throws what is wrong with its options', async () => {
    await expect(deliver(MAIL, { to: filter, session: { version: 9 as 6 } })).rejects.toThrow(RangeError);
    await expect(deliver(MAIL, { to: filter, chunks: 'halves' as 'bytes' })).rejects.toThrow(
      "deliver(): chunks is 'halves'; it has to be 'whole' or 'bytes' or an object.",
    );
  });
});

describe('chunks', () => {
  it.each<Chunking>(['whole', 'bytes', { seed: 7 }])('are all of the bytes, in order: %o', (chunking) => {
    const bytes = Buffer.from(Array.from({ length: 5000 }, (_none, at) => at % 251));
    expect(Buffer.concat(cutter(chunking)(bytes))).toEqual(bytes);
  });

  it('are the same for the same seed, and others for another', () => {
    const bytes = Buffer.alloc(20_000);
    const lengths = (seed: number): number[] => cutter({ seed })(bytes).map(({ length }) => length);
    expect(lengths(1)).toEqual(lengths(1));
    expect(lengths(1)).not.toEqual(lengths(2));
    expect(lengths(1).length).toBeGreaterThan(3);
  });
});
