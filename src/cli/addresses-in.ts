/**
 * The mail addresses in the value of a header such as `To` (RFC 5322, 3.4): names, comments and groups are left out.
 *
 * @example addressesIn('"Doe, Bob" <bob@example.org>, staff: ann@example.org;'); // ['bob@example.org', 'ann@example.org']
 */
export function addressesIn(value: string): string[] {
  return split(value).flatMap((part) => {
    const [, inside] = /<([^<>]*)>\s*$/.exec(part) ?? [];
    const address = (inside ?? part).trim();
    return address === '' ? [] : [address];
  });
}

/** Parts between commas and semicolons, those in quotes apart; without comments and the names of groups. */
function split(value: string): string[] {
  const parts = [''];
  let depth = 0;
  let angle = false;
  for (const [token] of value.matchAll(/"(?:\\[^]|[^"\\])*"|\\[^]|[^]/g)) {
    const last = parts.length - 1;
    if (token === '(') depth++;
    else if (token === ')') depth = Math.max(0, depth - 1);
    else if (depth > 0) continue;
    else if (token === ',' || token === ';') parts.push('');
    else if (token === ':' && !angle) parts[last] = '';
    else parts[last] = (parts[last] ?? '') + token;
    if (depth === 0 && (token === '<' || token === '>')) angle = token === '<';
  }
  return parts;
}
