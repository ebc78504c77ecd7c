/**
 * Picks the lines in which Postfix complains about a filter, or about anything fatal.
 *
 * A filter that keeps to the protocol causes none, so every test ends with an empty list.
 */
export function complaints(lines: readonly string[]): string[] {
  return lines.filter((line) => /\b(?:fatal|panic): /.test(line) || /\bwarning: .*milter/i.test(line));
}
