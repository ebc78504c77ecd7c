/** Longer words are not compared. */
const LONGEST_WORD = 64;

/** Finds the word of a list that was probably meant, where one is near enough. */
export function didYouMean(word: string, words: readonly string[]): string | undefined {
  // No name is that long, and the work grows with the square.
  if (word.length > LONGEST_WORD) return undefined;
  const [best] = words
    .map((each) => ({ each, far: distance(folded(word), folded(each)) }))
    .sort((one, other) => one.far - other.far);
  return best !== undefined && best.far <= Math.max(1, Math.floor(word.length / 3)) ? best.each : undefined;
}

/** Without what is only another way of writing a name: `max-keys`, `max_keys` and `MAXKEYS` are `maxKeys`. */
function folded(word: string): string {
  return word.replace(/[-_]/g, '').toLowerCase();
}

/** How many letters are to be changed, put in, left out or swapped with the next one. */
function distance(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, at) => at)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? 0;
  for (let i = 1; i <= from.length; i++) {
    rows[i] = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1] ? 0 : 1;
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      rows[i]?.push(
        Math.min(
          at(i - 1, j) + 1,
          at(i, j - 1) + 1,
          at(i - 1, j - 1) + same,
          swapped ? at(i - 2, j - 2) + 1 : Infinity,
        ),
      );
    }
  }
  return at(from.length, to.length);
}
