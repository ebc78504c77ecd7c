import { readdirSync, readFileSync } from 'node:fs';

/**
 * Lists the living processes of a process group.
 *
 * Zombies are left out: they have ended, and nobody may be there to collect them in a container.
 */
export function processGroup(group: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && belongs(name, group))
    .map(Number);
}

function belongs(pid: string, group: number): boolean {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return false; // ended while we looked
  }
  // "pid (name) state parent group ...", where the name may contain anything
  const [state, , pgrp] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state !== 'Z' && Number(pgrp) === group;
}
