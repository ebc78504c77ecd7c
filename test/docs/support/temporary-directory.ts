import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { onTestFinished } from 'vitest';

/** A directory that is removed at the end of the test. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(`${tmpdir()}/rxmilter-docs-`);
  onTestFinished(() => rm(directory, { recursive: true }));
  return directory;
}
