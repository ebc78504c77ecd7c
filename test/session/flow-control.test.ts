import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { NEVER, Subject, map, take } from 'rxjs';
import { compose, observe, on, allow } from 'rxmilter';
import { describe, expect, it } from 'vitest';

import { FrameQueue } from '../../src/session/connection/frame-queue.js';
import { frame, said } from '../support/session-frames.js';
import { link, opened } from '../support/session-link.js';

const BIG = frame('B', Buffer.alloc(65_535, 'x'));

describe('an MTA that sends while a decision is pending', () => {
  it('is not read any more beyond a bound, and read again when that is worked off', () => {
    const go = new Subject<void>();
    let bytes = 0;
    const mta = opened(
      compose(
        on('header', () =>
          go.pipe(
            take(1),
            map(() => allow()),
          ),
        ),
        observe('body', ({ chunk }) => (bytes += chunk.length)),
      ),
    );
    mta.send('C19');
    let sent = 0;
    while (!mta.io.paused && sent < 100) {
      mta.send(BIG);
      sent++;
    }
    expect(mta.io.paused).toBe(true);
    expect(sent).toBeLessThan(10);
    expect(bytes).toBe(0);
    go.next();
    expect(mta.io.paused).toBe(false);
    expect(bytes).toBe(sent * 65_535);
    expect(mta.heard()).toEqual(said('R03'));
  });

  it('is stopped by many small frames just as well', () => {
    const mta = opened(on('header', () => NEVER));
    mta.send('C19');
    let sent = 0;
    for (; !mta.io.paused && sent < 1_000_000; sent++) mta.send('C24');
    expect(sent).toBeLessThan(10_000);
  });

  it('is heard through all of it when it aborts', () => {
    const mta = opened(on('header', () => NEVER));
    mta.send('C19', BIG, BIG, BIG, BIG);
    mta.send(BIG);
    expect(mta.io.paused).toBe(true);
    mta.send('C28');
    expect(mta.io.paused).toBe(false);
    expect(mta.ask('C12', 'C26')).toContain(said('R03')[0]);
  });
});

describe('an MTA that does not take its replies', () => {
  it('is not read any more, and read again when it has taken them', () => {
    const mta = opened(on('header', () => undefined));
    mta.io.taking = false;
    mta.send('C19');
    expect(mta.io.paused).toBe(true);
    mta.io.taking = true;
    mta.connection.drained();
    expect(mta.io.paused).toBe(false);
    expect(mta.io.state).toBe('open');
  });

  it('is dropped in the end', () => {
    const mta = opened(on('header', () => undefined));
    mta.io.taking = false;
    mta.send('C19');
    for (let second = 0; second < 60; second += 5) mta.connection.tick(5_000);
    expect(mta.io.state).toBe('open');
    mta.connection.tick(5_000);
    expect(mta.io.state).toBe('ended');
    expect(mta.errors[0]?.message).toMatch(/did not take its reply within 60000 ms/);
  });

  it('is not dropped where it is slow and not dead', () => {
    const mta = opened(on('header', () => undefined));
    for (let round = 0; round < 30; round++) {
      mta.io.taking = false;
      mta.send('C19');
      mta.connection.tick(5_000);
      mta.connection.drained();
    }
    expect(mta.io.state).toBe('open');
    expect(mta.errors).toEqual([]);
  });

  it('and keeps its socket open after the end is cut off', () => {
    const mta = opened(on('header', () => undefined));
    mta.send('C29');
    expect(mta.io.state).toBe('ended');
    for (let second = 0; second < 65; second += 5) mta.connection.tick(5_000);
    expect(mta.io.state).toBe('destroyed');
  });
});

describe('an MTA that is slow', () => {
  it('to negotiate is dropped, and nothing is said to it', () => {
    const mta = link(on('header', () => undefined));
    for (let second = 0; second < 30; second += 5) mta.connection.tick(5_000);
    expect(mta.io.state).toBe('open');
    mta.connection.tick(5_000);
    expect(mta.io.state).toBe('ended');
    expect(mta.heard()).toEqual([]);
    expect(mta.errors[0]?.message).toMatch(/No negotiation within 30000 ms/);
  });

  it('within its offer is dropped as well, even if it drips', () => {
    const mta = link(on('header', () => undefined));
    const offer = frame('O', Buffer.alloc(12));
    for (let at = 0; mta.io.state === 'open' && at < 12; at++) {
      mta.send(offer.subarray(at, at + 1));
      mta.connection.tick(5_000);
    }
    expect(mta.io.state).toBe('ended');
  });

  it.each([
    ['a header', frame('L', 'Subject\0Hello\0')],
    ['a piece of body', frame('B', 'x'.repeat(1000))],
  ])('within a frame is dropped, even if it drips: %s', (_what, bytes) => {
    const mta = opened(on(['header', 'body'], () => undefined));
    for (let at = 0; at < 13; at++) {
      mta.send(bytes.subarray(at, at + 1));
      expect(mta.io.state).toBe('open');
      if (at < 12) mta.connection.tick(5_000);
    }
    mta.connection.tick(5_000);
    mta.connection.tick(5_000);
    expect(mta.io.state).toBe('ended');
    expect(mta.errors[0]?.message).toMatch(/began a frame and did not end it within 60000 ms/);
  });

  it('and always within a frame when it is looked at is not dropped as long as frames come to their end', () => {
    const mta = opened(on('body', () => undefined));
    for (let round = 0; round < 100; round++) {
      mta.send(BIG.subarray(round === 0 ? 0 : 100), BIG.subarray(0, 100));
      mta.connection.tick(5_000);
    }
    expect(mta.errors).toEqual([]);
    expect(mta.io.state).toBe('open');
  });

  it('between frames has two hours', () => {
    const mta = opened(on('body', () => undefined));
    mta.connection.tick(7_210_000);
    expect(mta.io.state).toBe('open');
    mta.send('C03');
    mta.connection.tick(7_210_000);
    expect(mta.io.state).toBe('open');
    mta.connection.tick(1);
    expect(mta.io.state).toBe('ended');
    expect(mta.errors[0]?.message).toMatch(/silent for 7210000 ms/);
  });

  it('has its own limits where they are set', () => {
    const mta = opened(
      on('body', () => undefined),
      { timeouts: { idle: 100 } },
    );
    mta.connection.tick(101);
    expect(mta.io.state).toBe('ended');
  });

  it('is not what a slow filter makes it', () => {
    const mta = opened(
      on('eom', () => NEVER),
      { timeouts: { idle: 100, frame: 100 } },
    );
    mta.send('C26');
    mta.connection.tick(1_000_000);
    expect(mta.io.state).toBe('open');
  });
});

describe('what is written', () => {
  it('is one write for what came in one piece', () => {
    const mta = opened(on(['mail', 'rcpt', 'data', 'header'], () => undefined));
    const before = mta.io.writes.length;
    expect(mta.ask('C12', 'C16', 'C18', 'C19')).toHaveLength(4);
    expect(mta.io.writes).toHaveLength(before + 1);
  });

  it('is one write for each event in lock-step', () => {
    const mta = opened(on(['mail', 'rcpt', 'data'], () => undefined));
    const before = mta.io.writes.length;
    for (const id of ['C12', 'C16', 'C18']) mta.send(id);
    expect(mta.io.writes).toHaveLength(before + 3);
  });

  it('is nothing where nothing is to be said', () => {
    const mta = opened(observe(['mail', 'rcpt'], () => undefined));
    const before = mta.io.writes.length;
    mta.send('C11', 'C12', 'C16', 'C28');
    expect(mta.io.writes).toHaveLength(before);
  });
});

describe('the queue of what an MTA has sent ahead', () => {
  it('lets go of what was taken from it, also where it is never empty', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const queue = new FrameQueue();
    const push = (offset: number): WeakRef<Buffer> => {
      const data = Buffer.alloc(1);
      queue.push({ letter: 0x4c, data, start: 0, end: 1, offset, last: true });
      return new WeakRef(data);
    };
    const first = push(0);
    for (let offset = 1; offset < 5_000; offset++) {
      push(offset);
      expect(queue.shift()?.offset).toBe(offset - 1);
    }
    // What a WeakRef was made of in this turn of the event loop is kept for as long as that.
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    expect(first.deref()).toBeUndefined();
    expect(queue.length).toBe(1);
    expect(queue.bytes).toBe(65);
  });

  it('lets go of a frame as soon as it is taken, since it may be a large part of a body', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const queue = new FrameQueue();
    const push = (offset: number): WeakRef<Buffer> => {
      const data = Buffer.alloc(65_535);
      queue.push({ letter: 0x42, data, start: 0, end: data.length, offset, last: true });
      return new WeakRef(data);
    };
    const [first, second] = [push(0), push(1)];
    expect(queue.shift()?.offset).toBe(0);
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    expect(first.deref()).toBeUndefined();
    expect(second.deref()?.length).toBe(65_535);
    expect(queue.shift()?.offset).toBe(1);
  });
});
