import { config } from 'rxjs';
import { afterEach, beforeEach, expect, vi } from 'vitest';

/**
 * Holds every test of the file to this: nothing reaches RxJS's path for unhandled errors or Node's for unhandled
 * rejections and exceptions, whatever a filter's own code does.
 */
export function expectQuiet(): void {
  const seen: unknown[] = [];
  const keep = (error: unknown): void => void seen.push(error);
  const warn = vi.fn();
  // These tests accept before other filters on purpose.
  const onWarning = (warning: Error): void => {
    if (!warning.message.startsWith('accept() at ')) warn(warning);
  };

  beforeEach(() => {
    seen.length = 0;
    config.onUnhandledError = keep;
    process.on('unhandledRejection', keep);
    process.on('uncaughtException', keep);
    process.on('warning', onWarning);
  });

  afterEach(async () => {
    vi.useRealTimers();
    // RxJS reports in a timer, Node after the microtasks.
    await new Promise((resolve) => setTimeout(resolve, 0));
    config.onUnhandledError = null;
    process.off('unhandledRejection', keep);
    process.off('uncaughtException', keep);
    process.off('warning', onWarning);
    expect(seen).toEqual([]);
    expect(warn).not.toHaveBeenCalled();
  });
}
