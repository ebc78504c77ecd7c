import type { Stats } from 'node:fs';
import { watchFile } from 'rxmilter/lookups';
import { expect, it, onTestFinished, vi } from 'vitest';

/** What a look at the file has found. */
type State = Pick<Stats, 'mtimeMs' | 'size' | 'ino'>;
type Listener = (now: State, before: State) => void;

const listeners = vi.hoisted(() => new Set<unknown>());

vi.mock(import('node:fs'), async (original) => {
  const real = await original();
  const polls = { watchFile: (...args: unknown[]) => void listeners.add(args.at(-1)) };
  const ends = { unwatchFile: (_path: unknown, listener: unknown) => void listeners.delete(listener) };
  return { ...real, ...polls, ...ends } as unknown as typeof real;
});

const state = (mtimeMs: number, size: number): State => ({ mtimeMs, size, ino: 1 });

it('emits when the file has come to rest: not while it is emptied and filled', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const seen = vi.fn();
  const subscription = watchFile('rules.txt').subscribe(seen);
  const [listener] = [...listeners] as Listener[];
  listener?.(state(2, 0), state(1, 20));
  vi.advanceTimersByTime(99);
  listener?.(state(3, 40), state(2, 0));
  vi.advanceTimersByTime(99);
  expect(seen).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(seen).toHaveBeenCalledOnce();

  // A look that finds nothing new, and one that is followed by the end.
  listener?.(state(3, 40), state(3, 40));
  vi.advanceTimersByTime(1_000);
  listener?.(state(4, 40), state(3, 40));
  subscription.unsubscribe();
  vi.advanceTimersByTime(1_000);
  expect(seen).toHaveBeenCalledOnce();
  expect(listeners.size).toBe(0);
});
