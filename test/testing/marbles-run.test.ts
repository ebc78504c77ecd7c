import { interval, of, range, timer } from 'rxjs';
import { DrawingError, marbles, rcpt, type DrawnTest } from 'rxmilter/testing';
import { describe, expect, it } from 'vitest';

/** A drawing that fails, and whether it was run. */
function failing(): { readonly drawing: DrawnTest; readonly runs: () => number } {
  let runs = 0;
  const drawing = marbles(({ flow }) => {
    runs++;
    flow.expect(flow.hot('-r-|', { r: rcpt() })).toBe('--r|');
  });
  return { drawing, runs: () => runs };
}

/** What ends up as uncaught in the process meanwhile, as a test runner would see it. */
async function uncaughtDuring(body: () => unknown): Promise<unknown[]> {
  const listeners = process.listeners('uncaughtException');
  const errors: unknown[] = [];
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => void errors.push(error));
  try {
    await body();
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.removeAllListeners('uncaughtException');
    for (const listener of listeners) process.on('uncaughtException', listener);
  }
  return errors;
}

describe('a drawing', () => {
  it('that a test returns is run, and fails it', async () => {
    const { drawing, runs } = failing();
    // As runners do with what a test has returned.
    await expect(new Promise((resolve) => resolve(drawing))).rejects.toThrow(DrawingError);
    await expect((async () => drawing)()).rejects.toThrow(DrawingError);
    expect(runs()).toBe(1);
  });

  it('that is made in a test and dropped is run, and what it throws is an uncaught error', async () => {
    let runs = 0;
    const errors = await uncaughtDuring(() => {
      runs = 0;
      marbles(({ flow }) => {
        runs++;
        flow.expect(flow.hot('-r-|', { r: rcpt() })).toBe('--r|');
      });
    });
    expect(runs).toBe(1);
    expect(errors).toEqual([expect.any(DrawingError)]);
  });

  it('that is made in a test and dropped is run, and right where it is right', async () => {
    let runs = 0;
    const errors = await uncaughtDuring(() => {
      marbles(() => {
        runs++;
      });
    });
    expect([runs, errors]).toEqual([1, []]);
  });

  it('that is called in a test is run once for each call, and not again', async () => {
    const { drawing, runs } = failing();
    expect(drawing).toThrow(DrawingError);
    expect(await uncaughtDuring(() => undefined)).toEqual([]);
    expect(runs()).toBe(1);
  });

  it.each([
    ['an interval without an end', () => interval(10), /goes on|has no end/],
    ['a timer that repeats', () => timer(0, 1), /goes on|has no end/],
    ['more values than anybody reads', () => range(0, 1e9), /has given 100000 values and goes on/],
  ])('with %s fails with the reason', (_what, source, reason) => {
    const drawing = marbles(({ flow }) => {
      flow.expect(source()).toBe('--|');
    });
    expect(drawing).toThrow(reason);
    expect(drawing).toThrow('take() or takeUntil()');
  });

  it('with a timer that nothing is expected of fails with the reason', () => {
    const drawing = marbles(({ flow }) => {
      interval(1).subscribe();
      flow.expect(of(1)).toBe('(1|)', { 1: 1 });
    });
    expect(drawing).toThrow('The drawing has no end: after 1000000 steps');
  });

  it('with an interval that it unsubscribes from has an end', () => {
    expect(
      marbles(({ flow }) => {
        flow.expect(interval(2), '^----!').toBe('--a-b', { a: 0, b: 1 });
      }),
    ).not.toThrow();
  });
});
