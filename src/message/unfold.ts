/** A folded value in one line (RFC 5322, 2.2.3): the line breaks go, the white space after them stays. */
export function unfold(value: string): string {
  return value.includes('\n') ? value.replace(/\r?\n/g, '') : value;
}
