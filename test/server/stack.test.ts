import { BehaviorSubject } from 'rxjs';
import { on, serve, type Filter } from 'rxmilter';
import { deliver } from 'rxmilter/mta';
import { expect, it } from 'vitest';

const MOST = 10;

/** The frames of the library below the function that calls this. */
function ownFrames(): string[] {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = Infinity;
  const lines = new Error().stack?.split('\n') ?? [];
  Error.stackTraceLimit = stackTraceLimit;
  return lines.filter((line) => line.includes('/src/')).map((line) => line.trim().replace(/\(.*\//, '('));
}

it.each<[string, (see: () => undefined) => Filter]>([
  ['on() at RCPT', (see) => on('rcpt', see)],
  ['on() with the newest value of a stream', (see) => on('rcpt', new BehaviorSubject(1), see)],
])('a function of %s is called through at most 10 frames of the library', async (_what, filterOf) => {
  let frames: string[] = [];
  const filter = filterOf(() => void (frames = ownFrames()));
  await using server = await serve(filter, { listen: 'inet:0@127.0.0.1' });
  await deliver({ sender: '', recipients: ['bob@example.org'] }, { to: server.address });
  expect(frames.length).toBeGreaterThan(3);
  expect(frames.length, frames.join('\n')).toBeLessThanOrEqual(MOST);
});
