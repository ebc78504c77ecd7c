import type { HeaderField } from 'rxmilter';

import { headerField } from '../../../src/message/headers/header-field.js';

/** One of the fields below for each character. */
export type Short = string;

const FIELDS: Readonly<Record<string, HeaderField>> = {
  a: headerField('X', '1', false),
  b: headerField('X', '2', false),
  c: headerField('x', '1', false),
  d: headerField('X', '', false),
  e: headerField('Y', '1', false),
};

/** The field that another may become by a change of its value; an empty value would delete it. */
const CHANGES: Readonly<Record<string, string>> = { a: 'b', b: 'a', d: 'ab' };

/** The header that is meant. */
export function longHeader(header: Short): HeaderField[] {
  return Array.from(header).flatMap((one) => FIELDS[one] ?? []);
}

/** All headers of so many of those fields at most. */
export function allHeaders(length: number): Short[] {
  if (length === 0) return [''];
  const shorter = allHeaders(length - 1);
  const last = shorter.filter((header) => header.length === length - 1);
  return [...shorter, ...last.flatMap((header) => Object.keys(FIELDS).map((one) => header + one))];
}

/** How many insertions, deletions and changes it takes from this header to each of those that are not longer than so many. */
export function distancesFrom(start: Short, length: number): Map<Short, number> {
  const distances = new Map([[start, 0]]);
  // A map is gone through in the order in which it was filled, so that this looks at the nearest first.
  for (const [header, distance] of distances) {
    for (const next of neighbours(header, length)) {
      if (!distances.has(next)) distances.set(next, distance + 1);
    }
  }
  return distances;
}

function neighbours(header: Short, length: number): Short[] {
  const places = Array.from({ length: header.length + 1 }, (_, at) => at);
  return places.flatMap((at) => {
    const [before, after, rest] = [header.slice(0, at), header.slice(at), header.slice(at + 1)];
    const inserted = header.length < length ? Object.keys(FIELDS).map((one) => before + one + after) : [];
    if (after === '') return inserted;
    const changed = Array.from(CHANGES[header[at] ?? ''] ?? '').map((one) => before + one + rest);
    return [...inserted, ...changed, before + rest];
  });
}
