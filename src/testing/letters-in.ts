const SPECIAL = new Set(' -()|^!#');

/** The letters that stand for values in a drawing; times (`10ms`) are none. */
export function lettersIn(drawing: string): string[] {
  const plain = drawing.replace(/(^| )\d+(\.\d+)?(ms|s|m)(?= |$)/g, ' ');
  return [...new Set(plain)].filter((character) => !SPECIAL.has(character));
}
