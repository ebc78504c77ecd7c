/** @param {readonly string[]} head @param {readonly string[][]} rows @param {{ left: readonly string[] }} columns that are text, not numbers */
export function table(head, rows, { left }) {
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column].length)));
  const line = (/** @type {readonly string[]} */ cells) =>
    cells
      .map((cell, column) =>
        left.includes(head[column]) ? cell.padEnd(widths[column]) : cell.padStart(widths[column]),
      )
      .join('  ')
      .trimEnd();
  return [line(head), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(line)].join('\n');
}
