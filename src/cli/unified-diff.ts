import { lineDiff, type DiffLine } from './line-diff.js';

const CONTEXT = 3;

/**
 * A unified diff of two texts, line by line with three lines around each difference; no lines where they are the same.
 * A last line without a line end is marked as `diff -u` marks it.
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
    const [gone, come] = [count(part, '+'), count(part, '-')];
    if (near[at] === true) {
      output.push(`@@ -${range(old, gone)} +${range(now, come)} @@`, ...part.map(show));
    }
    old += gone;
    now += come;
    at = end;
  }
  return output;
}

/** How many of the lines are in the text that has none of this sign. */
function count(lines: readonly DiffLine[], without: '+' | '-'): number {
  return lines.filter(({ sign }) => sign !== without).length;
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
