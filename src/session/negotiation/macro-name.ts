/** A macro's name without its braces. Postfix 3.1 wrote `{j}`, others leave them out of long names. */
export function bareName(name: string): string {
  return name.startsWith('{') && name.endsWith('}') ? name.slice(1, -1) : name;
}

/**
 * A macro's name as both MTAs have it: of one letter as it is, else in braces. Postfix takes any spelling. Sendmail takes
 * a longer name without braces for the macro of its first letter, and answers with the value of that.
 */
export function wireName(name: string): string {
  const bare = bareName(name);
  return bare.length === 1 ? bare : `{${bare}}`;
}
