import { setTimeout as pause } from 'node:timers/promises';

/**
 * Asks `probe` again and again until it answers with something other than `undefined` or `false`, and gives that.
 *
 * The only way in which these tests wait for something that sends no signal (a log line, a queue, a process).
 * Rejects after `deadline` milliseconds, naming `what` was waited for.
 */
export async function eventually<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  deadline = 20_000,
): Promise<T> {
  const end = performance.now() + deadline;
  for (;;) {
    const answer = await probe();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > end) throw new Error(`waited ${deadline} ms in vain for: ${what}`);
    await pause(10);
  }
}
