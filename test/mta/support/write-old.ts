import { stat, utimes, writeFile } from 'node:fs/promises';

/**
 * Writes a file that looks a minute old: Postfix waits before it reads a configuration file that was changed within the
 * last second.
 */
export async function writeOld(file: string, text: string): Promise<void> {
  await writeFile(file, text);
  const { mtimeMs } = await stat(file);
  const minuteAgo = (mtimeMs - 60_000) / 1000;
  await utimes(file, minuteAgo, minuteAgo);
}
