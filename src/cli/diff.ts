import { alignFields, type Pair } from '../message/edit/align-fields.js';
import type { HeaderField } from '../message/headers/header-field.js';

/** A line that both have, or that only the first or only the second has. */
export interface DiffLine {
  readonly sign: ' ' | '-' | '+';
  readonly line: string;
}

/** How many lines a unified diff shows around each difference. */
const CONTEXT = 3;
const NO_VALUE = { value: '', raw: Buffer.alloc(0) };

/**
 * The lines to leave out of `before`, and to put in, for those of `after`: as few as possible, but thousands of lines in
 * a row with differences are all replaced.
 */
export function lineDiff(before: readonly string[], after: readonly string[]): DiffLine[] {
  const lines: DiffLine[] = [];
  let [old, now] = [0, 0];
  // Lines are compared as headers are: by their names, without values.
  const { head, tail, pairs } = alignFields(before.map(asField), after.map(asField), () => false);
  const kept = [
    ...sameFrom(0, 0, head),
    ...pairs,
    ...sameFrom(before.length - tail, after.length - tail, tail),
    { from: before.length, to: after.length },
  ];
  for (const { from, to } of kept) {
    for (const line of before.slice(old, from)) lines.push({ sign: '-', line });
    for (const line of after.slice(now, to)) lines.push({ sign: '+', line });
    for (const line of before.slice(from, from + 1)) lines.push({ sign: ' ', line });
    [old, now] = [from + 1, to + 1];
  }
  return lines;
}

/** So many pairs of lines one after the other. */
function sameFrom(from: number, to: number, length: number): Pair[] {
  return Array.from({ length }, (_, at) => ({ from: from + at, to: to + at }));
}

function asField(line: string): HeaderField {
  return { name: line, ...NO_VALUE };
}

/**
 * A unified diff of two texts, with three lines around each difference; no lines where they are the same. A last line
 * without a line end is marked as `diff -u` marks it.
 */
export function unifiedDiff(before: string, after: string, names: readonly [string, string]): string[] {
  const lines = lineDiff(linesOf(before), linesOf(after));
  const near = lines.map((_, at) =>
    lines.slice(Math.max(0, at - CONTEXT), at + CONTEXT + 1).some(({ sign }) => sign !== ' '),
  );
  if (!near.includes(true)) return [];
  const output = [`--- ${names[0]}`, `+++ ${names[1]}`];
  for (let at = 0, old = 1, now = 1; at < lines.length;) {
    let end = at;
    while (end < lines.length && near[end] === near[at]) end++;
    const part = lines.slice(at, end);
    const removed = part.filter(({ sign }) => sign !== '+').length;
    const added = part.filter(({ sign }) => sign !== '-').length;
    if (near[at] === true) {
      output.push(`@@ -${range(old, removed)} +${range(now, added)} @@`, ...part.map(show));
    }
    old += removed;
    now += added;
    at = end;
  }
  return output;
}

/** An empty range stands behind the line before it. */
function range(from: number, length: number): string {
  return length === 1 ? String(from) : `${length === 0 ? from - 1 : from},${length}`;
}

/** The lines with their ends. */
function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function show({ sign, line }: DiffLine): string {
  return line.endsWith('\n') ? `${sign}${line.slice(0, -1)}` : `${sign}${line}\n\\ No newline at end of file`;
}
