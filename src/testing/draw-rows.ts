/** Something at a point of a diagram. */
export interface Mark {
  /** In milliseconds. */
  readonly frame: number;
  readonly symbol: string;
}

/** Diagrams one above the other. */
export interface DrawnRows {
  readonly rows: readonly string[];
  /** The column of a point in time at which one of them has something. */
  column(frame: number): number;
}

/** More dashes than that nobody counts; then the time is written. */
const MOST_DASHES = 20;

/** Draws several diagrams so that what happens at the same time stands in the same column. */
export function drawRows(rows: readonly (readonly Mark[])[]): DrawnRows {
  const columns = new Map<number, number>();
  const lines = rows.map(() => '');
  const frames = [...new Set(rows.flat().map(({ frame }) => frame))].sort((a, b) => a - b);
  let time = Math.min(0, frames[0] ?? 0);
  for (const frame of frames) {
    const gap = frame - time;
    const pause = gap > MOST_DASHES ? ` ${gap}ms ` : '-'.repeat(Math.max(0, gap));
    const cells = rows.map((row) => cellOf(row.filter((mark) => mark.frame === frame)));
    const width = Math.max(...cells.map((cell) => cell.length));
    rows.forEach((row, at) => {
      const goesOn = row.some((mark) => mark.frame >= frame);
      const line = (lines[at] ?? '') + (goesOn ? pause : ' '.repeat(pause.length));
      const rest = row.some((mark) => mark.frame > frame) ? '-' : ' ';
      columns.set(frame, line.length);
      lines[at] = line + (cells[at] ?? '').padEnd(width, rest);
    });
    time = frame + width;
  }
  return { rows: lines.map((line) => line.trimEnd()), column: (frame) => columns.get(frame) ?? 0 };
}

/** What happens at the same time stands in brackets, which take their time as in RxJS's syntax. */
function cellOf(marks: readonly Mark[]): string {
  const text = marks.map(({ symbol }) => symbol).join('');
  return marks.length > 1 ? `(${text})` : text;
}
