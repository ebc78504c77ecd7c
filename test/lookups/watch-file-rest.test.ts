import type { Stats } from 'node:fs';
import { watchFile } from 'rxmilter/lookups';
import { expect, it, onTestFinished, vi } from 'vitest';

/** What the next look at the file finds. */
const file = vi.hoisted(() => ({ stats: undefined as Pick<Stats, 'mtimeMs' | 'size' | 'ino'> | undefined }));

vi.mock(import('node:fs'), async (original) => {
  const real = await original();
  const stat = (_path: unknown, done: (error: Error | null, stats?: unknown) => void): void =>
    done(file.stats === undefined ? new Error('ENOENT') : null, file.stats);
  return { ...real, stat, statSync: () => file.stats } as unknown as typeof real;
});

const state = (mtimeMs: number, size: number, ino = 1): void => void (file.stats = { mtimeMs, size, ino });

it('emits when the file has come to rest: not while it is emptied and filled', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const seen = vi.fn();
  state(1, 20);
  const subscription = watchFile('rules.txt').subscribe(seen);
  vi.advanceTimersByTime(999);
  state(2, 0);
  vi.advanceTimersByTime(1);
  state(2, 40);
  vi.advanceTimersByTime(100);
  expect(seen).not.toHaveBeenCalled();
  vi.advanceTimersByTime(99);
  expect(seen).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(seen).toHaveBeenCalledTimes(1);

  // Nothing new; only its time; only its size; another file; gone; back again.
  vi.advanceTimersByTime(5_000);
  expect(seen).toHaveBeenCalledTimes(1);
  const changes = [
    () => state(3, 40),
    () => state(3, 41),
    () => state(3, 41, 2),
    () => (file.stats = undefined),
  ];
  for (const [index, change] of [...changes, () => state(3, 41, 2)].entries()) {
    change();
    vi.advanceTimersByTime(1_100);
    expect(seen).toHaveBeenCalledTimes(2 + index);
  }

  // A change that is followed by the end.
  state(4, 40);
  vi.advanceTimersByTime(1_000);
  subscription.unsubscribe();
  expect(vi.getTimerCount()).toBe(0);
  vi.advanceTimersByTime(1_000);
  expect(seen).toHaveBeenCalledTimes(6);
});

it('sees what changes right after the subscription', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const seen = vi.fn();
  file.stats = undefined;
  const subscription = watchFile('rules.txt', { interval: 10 }).subscribe(seen);
  state(1, 1);
  vi.advanceTimersByTime(20);
  expect(seen).toHaveBeenCalledOnce();
  subscription.unsubscribe();
});
