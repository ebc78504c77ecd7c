import {
  NEVER,
  type Observable,
  type OperatorFunction,
  Subject,
  delay,
  finalize,
  map,
  mergeMap,
  mergeWith,
  of,
  pipe,
  takeWhile,
} from 'rxjs';
import { compose, observe, on, perMessage, accept, reject, skip, type Flow } from 'rxmilter';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { Connection } from '../../src/session/connection/connection.js';
import { EVERYTHING } from '../../src/session/negotiation/tags.js';
import { resolveOptions } from '../../src/session/options.js';
import { bytesOf, frame, framesIn, said } from '../support/session-frames.js';
import { type Link, opened } from '../support/session-link.js';
import { MemoryIo } from '../support/session-memory-io.js';

/** Runs `react` for each outcome, at once. */
function reacting(mta: Link, react: () => void): void {
  const push = mta.outcomes.push.bind(mta.outcomes);
  mta.outcomes.push = (...outcomes) => {
    const length = push(...outcomes);
    react();
    return length;
  };
}

const broken = new Error('broken');
const throwing = finalize<Flow>(() => {
  throw broken;
});

describe('who is told of an answer and causes another one', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('finds the event answered: the MTA gets one reply', async () => {
    const rules = new Subject<string>();
    const mta = opened(on('rcpt', rules, () => reject()));
    reacting(mta, () => rules.next('fallback'));
    mta.send('C12', 'C16');
    await vi.advanceTimersByTimeAsync(8_000);
    expect(mta.heard()).toEqual(said('R06'));
    expect(mta.ask('C16')).toEqual(said('R05'));
  });

  it('may end the connection', async () => {
    const mta = opened(on('rcpt', () => NEVER));
    reacting(mta, () => mta.connection.destroy());
    mta.send('C12', 'C16');
    await vi.advanceTimersByTimeAsync(20_000);
    expect(mta.io.state).toBe('destroyed');
    expect(mta.outcomes).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is not followed by a second answer where it throws', () => {
    const io = new MemoryIo();
    const connection = new Connection(io, resolveOptions({}), {
      watched: () => true,
      outcome: (outcome) => {
        if (outcome.stage === 'helo') throw broken;
      },
      ended: () => undefined,
    });
    onTestFinished(() => connection.destroy());
    connection.attach({ next: (flow) => connection.next(flow), complete: () => undefined }, EVERYTHING);
    connection.receive(bytesOf('C01'));
    connection.receive(bytesOf('C10'));
    expect(framesIn(Buffer.concat(io.writes)).slice(1)).toEqual(said('R03'));
    expect(io.state).toBe('ended');
  });
});

describe('what ends the connection at an abort', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each([
    ['the end of the pipeline', (_mta: () => Link) => takeWhile<Flow>(({ stage }) => stage !== 'abort')],
    ['the filter itself', (mta: () => Link) => observe('abort', () => mta().connection.destroy())],
  ] as [string, (mta: () => Link) => OperatorFunction<Flow, Flow>][])(
    'ends it, and the command that brought the abort is not answered any more: %s',
    async (_what, filter) => {
      const both = compose(
        filter(() => mta),
        on('mail', () => undefined),
      );
      const mta: Link = opened(both);
      mta.ask('C12');
      expect(mta.ask('C12')).toEqual([]);
      const told = mta.outcomes.length;
      await vi.advanceTimersByTimeAsync(20_000);
      expect(mta.heard()).toEqual([]);
      expect(mta.outcomes).toHaveLength(told);
      expect(vi.getTimerCount()).toBe(0);
    },
  );
});

describe('an event that comes to its project when its time is over', () => {
  const late = mergeMap((flow: Flow): Observable<Flow> =>
    flow.stage === 'rcpt' ? of(flow).pipe(delay(5)) : of(flow),
  );

  it.each([
    ['rejects', () => Promise.reject(broken)],
    ['answers', () => Promise.resolve(reject())],
  ])('costs nothing where that %s', async (_how, project) => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    onTestFinished(() => void process.off('unhandledRejection', unhandled));
    const mta = opened(compose(late, on('rcpt', project)));
    mta.ask('C12', 'C16');
    mta.send('C28');
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(unhandled).not.toHaveBeenCalled();
    expect(mta.heard()).toEqual([]);
    expect(mta.errors).toEqual([]);
    mta.send('C29');
    expect(mta.completed).toBe(true);
  });
});

describe('a teardown that throws', () => {
  const failing = map((flow: Flow) => {
    if (flow.stage === 'mail') throw new Error('no');
    return flow;
  });

  it.each([
    [
      'when the connection is over',
      pipe(
        map((flow: Flow) => flow),
        throwing,
      ),
      1,
    ],
    ['when the pipeline has failed', pipe(failing, throwing), 1],
    ['when the pipeline has failed, among filters', compose(failing, throwing), 1],
    ['when the pipeline does not complete', pipe(mergeWith<Flow, [Flow]>(NEVER), throwing), 0],
  ] as [string, OperatorFunction<Flow, Flow>, number][])(
    'does not get out of its connection: %s',
    (_when, filter, errors) => {
      const warn = vi.spyOn(process, 'emitWarning').mockReturnValue(undefined);
      onTestFinished(() => warn.mockRestore());
      const mta = opened(filter);
      mta.send('C12');
      mta.send('C29');
      expect(mta.io.state).toBe('ended');
      expect(mta.completed).toBe(true);
      expect(mta.errors).toHaveLength(errors);
      if (errors === 0) expect(warn).toHaveBeenCalledOnce();
    },
  );
});

describe('what fails', () => {
  it('is told with its cause also at a stage where the MTA does not wait', () => {
    let made = 0;
    const mta = opened(
      perMessage(() => {
        if (made++ > 0) throw broken;
        return observe('header', () => undefined);
      }),
    );
    mta.send('C20');
    expect(mta.errors).toMatchObject([{ name: 'ProjectError', cause: broken }]);
  });

  it('at an unknown command is passed on, where failures are accepted', () => {
    const mta = opened(
      map((flow: Flow) =>
        flow.stage === 'unknown' ? { stage: 'reply', to: flow, decision: skip(), modifications: [] } : flow,
      ),
      { failure: accept() },
    );
    expect(mta.ask(frame('U', 'XYZZY\0'))).toEqual(said('R03'));
  });
});
