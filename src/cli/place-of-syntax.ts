import { spawnSync } from 'node:child_process';
import { basename } from 'node:path';

/**
 * The line of a module that cannot be parsed, as `filter.mjs:3`; nothing where it can, since the fault is in what it
 * imports. The error itself does not say it, what Node prints of one does.
 */
export function placeOfSyntax(path: string): string | undefined {
  const { stderr } = spawnSync(process.execPath, ['--check', path], { encoding: 'utf8', timeout: 10_000 });
  const [, line] = /^(?:file:)?\/.*:(\d+)$/m.exec(stderr) ?? [];
  return line === undefined ? undefined : `${basename(path)}:${line}`;
}
