import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A directory for the files of one test; gone when it is over. */
export function scratchDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'rxmilter-message-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** The files of a directory that a process has open, those included that have no name any more. */
export function openIn(directory: string, pid: number | 'self' = 'self'): string[] {
  const place = `/proc/${pid}/fd`;
  return readdirSync(place).flatMap((descriptor) => {
    const target = linkOf(join(place, descriptor));
    return target?.startsWith(directory) === true ? [target] : [];
  });
}

/** What was open when the directory was read may be closed by now, that of the reading itself first of all. */
function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
