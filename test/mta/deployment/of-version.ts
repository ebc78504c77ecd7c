import type { Version } from '../support/version.js';

/**
 * What a cell of a table says of that version, where it says `A; B from 3.11 and 3.10.8 on`: that is B for these releases
 * and the later ones of each line, and A before.
 */
export function ofVersion(cell: string, version: Version): string {
  const [, before = cell, after = '', from = ''] = /^(.*); (.*) from (\d[\d., and]*) on$/.exec(cell) ?? [];
  return from !== '' && version.atLeast(...from.split(/, | and /)) ? after : before;
}
