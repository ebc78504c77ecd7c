/** A line that both have, or that only the first or only the second has. */
export interface DiffLine {
  readonly sign: ' ' | '-' | '+';
  readonly line: string;
}

/** More pairs of lines than this are not compared one by one. */
const MOST_PAIRS = 4_000_000;

/**
 * What has to be left out of, and put into, the lines of `before` to get those of `after`: as little as possible, but
 * where there are thousands of lines in a row with differences they are all replaced.
 */
export function lineDiff(before: readonly string[], after: readonly string[]): DiffLine[] {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head++;
  let tail = 0;
  const most = Math.min(before.length, after.length) - head;
  while (tail < most && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  const old = before.slice(head, before.length - tail);
  const now = after.slice(head, after.length - tail);
  const middle =
    old.length * now.length > MOST_PAIRS ? [...signed('-', old), ...signed('+', now)] : compared(old, now);
  return [
    ...signed(' ', before.slice(0, head)),
    ...middle,
    ...signed(' ', before.slice(before.length - tail)),
  ];
}

/** By the longest common subsequence. */
function compared(old: readonly string[], now: readonly string[]): DiffLine[] {
  const width = now.length + 1;
  const common = new Uint32Array((old.length + 1) * width);
  const at = (row: number, column: number): number => common[row * width + column] ?? 0;
  for (let row = old.length - 1; row >= 0; row--) {
    for (let column = now.length - 1; column >= 0; column--) {
      common[row * width + column] =
        old[row] === now[column]
          ? at(row + 1, column + 1) + 1
          : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  const lines: DiffLine[] = [];
  let row = 0;
  let column = 0;
  while (row < old.length || column < now.length) {
    const [gone, come] = [old[row], now[column]];
    if (gone !== undefined && gone === come) {
      lines.push({ sign: ' ', line: gone });
      row++;
      column++;
    } else if (gone !== undefined && (come === undefined || at(row + 1, column) >= at(row, column + 1))) {
      lines.push({ sign: '-', line: gone });
      row++;
    } else {
      lines.push({ sign: '+', line: come ?? '' });
      column++;
    }
  }
  return lines;
}

function signed(sign: DiffLine['sign'], lines: readonly string[]): DiffLine[] {
  return lines.map((line) => ({ sign, line }));
}
