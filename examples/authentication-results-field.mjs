// @ts-check
/**
 * By whose name a value of Authentication-Results goes, in small letters (RFC 8601, 2.2). Comments, quotes and
 * backslashes, behind which a forger could hide it from a filter but not from a mail program, are looked through.
 *
 * @param {string} value
 */
export function authservIdOf(value) {
  let comments = 0;
  let id = '';
  for (const [char] of value.matchAll(/\\?[^]/g)) {
    if (char === '(') comments++;
    else if (char === ')' && comments > 0) comments--;
    else if (comments > 0 || char === '"') continue;
    else if (!/[\s;]/.test(char)) id += char.slice(-1);
    else if (char === ';' || id !== '') break;
  }
  return id.toLowerCase();
}

/**
 * The value of the field.
 *
 * @param {string} authservId
 * @param {readonly { method: string, result: string, reason?: string | undefined, properties?: Record<string, string | undefined> }[]} results
 */
export function resultsField(authservId, results) {
  const parts = results.map(({ method, result, reason, properties = {} }) =>
    [
      `${method}=${result}`,
      ...(reason === undefined ? [] : [`reason=${quoted(reason)}`]),
      ...Object.entries(properties).map(([name, value]) => value && `${name}=${plainOrQuoted(value)}`),
    ]
      .filter(Boolean)
      .join(' '),
  );
  // A line for each: header lines may have 998 bytes.
  return [authservId, ...parts].join(';\n\t');
}

/** What is in there strangers have written: without quotes it could end our result and begin one of theirs. */
const plainOrQuoted = (/** @type {string} */ text) => (/^[\w.-]+$/.test(text) ? text : quoted(text));

const quoted = (/** @type {string} */ text) =>
  `"${text
    .slice(0, 200)
    .replace(/[^ -~]/g, '?')
    .replace(/["\\]/g, '\\$&')}"`;
