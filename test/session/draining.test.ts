import { NEVER, Subject, take } from 'rxjs';
import { compose, observe, on, accept, reject, UnansweredError } from 'rxmilter';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { type Accept } from '../../src/session/decisions.js';
import { frame, said } from '../support/session-frames.js';
import { link, opened } from '../support/session-link.js';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const STOPPING = said(frame('y', '421 4.3.2 Service is shutting down, try again later\0'));

describe('while the server stops', () => {
  it('a connection without a message is closed once nothing was heard of it for a while', () => {
    const mta = opened(on('mail', () => undefined));
    mta.send('C03');
    mta.connection.drain();
    vi.advanceTimersByTime(1_999);
    expect(mta.io.state).toBe('open');
    vi.advanceTimersByTime(1);
    expect(mta.io.state).toBe('ended');
    expect(mta.completed).toBe(true);
    expect(mta.errors).toEqual([]);
  });

  it('the while begins anew with each sign of the MTA', () => {
    const mta = opened(on('helo', () => undefined));
    mta.connection.drain();
    for (let round = 0; round < 5; round++) {
      vi.advanceTimersByTime(1_500);
      expect(mta.ask('C10')).toEqual(said('R03'));
    }
    vi.advanceTimersByTime(2_000);
    expect(mta.io.state).toBe('ended');
  });

  it('a connection that has not even negotiated is closed as well', () => {
    const mta = link(on('mail', () => undefined));
    mta.connection.drain();
    vi.advanceTimersByTime(2_000);
    expect(mta.io.state).toBe('ended');
  });

  it('a message in progress is finished, however long it takes, and then the connection is closed', () => {
    const mta = opened(on(['rcpt', 'data', 'eom'], ({ stage }) => (stage === 'eom' ? accept() : undefined)));
    mta.send('C12', 'C16');
    mta.heard();
    mta.connection.drain();
    vi.advanceTimersByTime(100_000);
    expect(mta.ask('C18')).toEqual(said('R03'));
    vi.advanceTimersByTime(100_000);
    expect(mta.ask('C26')).toEqual(said('R04'));
    expect(mta.io.state).toBe('open');
    vi.advanceTimersByTime(2_000);
    expect(mta.io.state).toBe('ended');
  });

  it('a decision that is pending is waited for', () => {
    const go = new Subject<Accept>();
    const mta = opened(on('eom', () => go.pipe(take(1))));
    mta.send('C26');
    mta.connection.drain();
    vi.advanceTimersByTime(4_000);
    expect(mta.io.state).toBe('open');
    go.next(accept());
    expect(mta.heard()).toEqual(said('R04'));
    vi.advanceTimersByTime(2_000);
    expect(mta.io.state).toBe('ended');
  });

  it('a message that begins is put off with a 421, at its first command that is answered', () => {
    const seen: string[] = [];
    const all = ['mail', 'rcpt', 'data', 'eom'] as const;
    const mta = opened(on(all, ({ stage }) => void seen.push(stage)));
    mta.send('C12', 'C16', 'C26');
    mta.heard();
    seen.length = 0;
    mta.connection.drain();
    expect(mta.ask('C12')).toEqual(STOPPING);
    expect(mta.ask('C28', 'C12')).toEqual(STOPPING);
    expect(seen).toEqual([]);
  });

  it('a message that begins where MAIL is not answered is put off at the next that is, to its very end', () => {
    const mta = opened(on('rcpt', () => undefined));
    mta.connection.drain();
    expect(mta.ask('C12')).toEqual([]);
    expect(mta.ask('C16')).toEqual(STOPPING);
    expect(mta.ask('C16')).toEqual(STOPPING);
    const quiet = opened(on('eom', () => undefined));
    quiet.connection.drain();
    expect(quiet.ask('C26')).toEqual(STOPPING);
  });

  it('an unknown command, CONNECT and HELO are answered as ever', () => {
    const mta = opened(
      on(['connect', 'helo', 'unknown'], ({ stage }) => (stage === 'unknown' ? reject() : undefined)),
    );
    mta.connection.drain();
    expect(mta.ask('C03')).toEqual(said('R03'));
    expect(mta.ask('C10')).toEqual(said('R03'));
    expect(mta.ask('C31')).toEqual(said('R05'));
  });

  it('the deadline gives what is pending the failure decision, aborts the message and closes', () => {
    const seen: string[] = [];
    let signal: AbortSignal | undefined;
    const mta = opened(
      compose(
        observe(['abort', 'close'], ({ stage }) => void seen.push(stage)),
        on('rcpt', (_event, context) => {
          signal = context.signal;
          return NEVER;
        }),
      ),
      { failure: reject() },
    );
    mta.send('C12', 'C16');
    mta.heard();
    mta.connection.drain();
    mta.connection.expire(30_000);
    expect(mta.heard()).toEqual(said('R05'));
    expect(mta.io.state).toBe('ended');
    expect(mta.errors).toEqual([expect.any(UnansweredError)]);
    expect(signal?.aborted).toBe(true);
    expect(seen).toEqual(['abort', 'close']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('the deadline ends a connection in the middle of a message that waits for the MTA', () => {
    const mta = opened(on('rcpt', () => undefined));
    mta.send('C12', 'C16');
    mta.heard();
    mta.connection.drain();
    mta.connection.expire(30_000);
    expect(mta.heard()).toEqual([]);
    expect(mta.io.state).toBe('ended');
  });

  it("the end at once takes nobody's leave", () => {
    const seen: string[] = [];
    const mta = opened(observe(['abort', 'close'], ({ stage }) => void seen.push(stage)));
    mta.send('C12');
    mta.connection.destroy();
    expect(mta.io.state).toBe('destroyed');
    expect(mta.completed).toBe(true);
    expect(seen).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
