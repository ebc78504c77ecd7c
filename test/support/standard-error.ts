import { onTestFinished, vi } from 'vitest';

/** What is written to standard error until the end of the test, which does not show it. */
export function standardError(): string[] {
  const written: string[] = [];
  const spy = vi.spyOn(process.stderr, 'write').mockImplementation((...[chunk, ...rest]) => {
    written.push(String(chunk));
    const done: unknown = rest.at(-1);
    if (typeof done === 'function') (done as () => void)();
    return true;
  });
  onTestFinished(() => spy.mockRestore());
  return written;
}
