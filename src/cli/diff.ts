/** A line that both have, or that only the first or only the second has. */
export interface DiffLine {
  readonly sign: ' ' | '-' | '+';
  readonly line: string;
}

/** More pairs of lines than this are not compared one by one. */
const MOST_PAIRS = 4_000_000;
/** How many lines a unified diff shows around each difference. */
const CONTEXT = 3;

/**
 * The lines to leave out of `before`, and to put in, for those of `after`: as few as possible, but thousands of lines in
 * a row with differences are all replaced.
 */
export function lineDiff(before: readonly string[], after: readonly string[]): DiffLine[] {
  const most = Math.min(before.length, after.length);
  let head = 0;
  while (head < most && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < most - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  const old = before.slice(head, before.length - tail);
  const now = after.slice(head, after.length - tail);
  return [
    ...signed(' ', before.slice(0, head)),
    ...(old.length * now.length > MOST_PAIRS
      ? [...signed('-', old), ...signed('+', now)]
      : compared(old, now)),
    ...signed(' ', before.slice(before.length - tail)),
  ];
}

/** By the longest common subsequence. */
function compared(old: readonly string[], now: readonly string[]): DiffLine[] {
  /** Its length for the lines from a row and a column on. */
  const lengths = Array.from({ length: old.length + 1 }, () => new Uint32Array(now.length + 1));
  const at = (row: number, column: number): number => lengths[row]?.[column] ?? 0;
  for (let row = old.length - 1; row >= 0; row--) {
    for (let column = now.length - 1; column >= 0; column--) {
      const same = old[row] === now[column];
      const length = same ? at(row + 1, column + 1) + 1 : Math.max(at(row + 1, column), at(row, column + 1));
      lengths[row]?.fill(length, column, column + 1);
    }
  }
  const lines: DiffLine[] = [];
  let row = 0;
  let column = 0;
  while (row < old.length || column < now.length) {
    const [removed, added] = [old[row], now[column]];
    if (removed !== undefined && removed === added) {
      lines.push({ sign: ' ', line: removed });
      row++;
      column++;
    } else if (removed !== undefined && (added === undefined || at(row + 1, column) >= at(row, column + 1))) {
      lines.push({ sign: '-', line: removed });
      row++;
    } else {
      lines.push({ sign: '+', line: added ?? '' });
      column++;
    }
  }
  return lines;
}

function signed(sign: DiffLine['sign'], lines: readonly string[]): DiffLine[] {
  return lines.map((line) => ({ sign, line }));
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
