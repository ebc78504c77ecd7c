import { readFileSync } from 'node:fs';

import { CommandError } from './command-error.js';

/**
 * The id of a group of this machine, by its name or by the id itself.
 *
 * @throws CommandError where there is no such group
 */
export function groupId(group: string, file = '/etc/group'): number {
  if (/^\d+$/.test(group)) return Number(group);
  const lines = readFileSync(file, 'utf8').split('\n');
  const [, , id] = lines.map((line) => line.split(':')).find(([name]) => name === group) ?? [];
  if (id !== undefined) return Number(id);
  throw new CommandError(`--group ${group}: ${file} has no such group. Use another name, or its number.`);
}
