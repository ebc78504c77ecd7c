// @ts-check
// Reads and writes Authentication-Results fields (RFC 8601); a part of authentication-results.mjs.

/**
 * Whose results they are, in small letters. Comments, quotes and backslashes, in which a forger could hide that from a
 * filter but not from a mail program, are looked through.
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
    else if (!/^[\s;]$/.test(char)) id += char.slice(-1);
    else if (char === ';' || id !== '') break;
  }
  return id.toLowerCase();
}

/**
 * @param {string} authservId
 * @param {import('mailauth').AuthenticateResult} found what mailauth has found
 * @param {{ domain?: string, result: string, reason?: string, wanted?: string | undefined }} dmarc
 * @param {boolean} bounce whether the sender is empty, and SPF has looked at the name in HELO instead
 */
export function resultsField(authservId, { dkim, spf, arc }, dmarc, bounce) {
  const results = dkim.results.map(({ status, signingDomain, selector }) =>
    result('dkim', status, { 'header.d': signingDomain, 'header.s': selector }),
  );
  if (spf) results.push(result('spf', spf.status, { [bounce ? 'smtp.helo' : 'smtp.mailfrom']: spf.domain }));
  if (arc) results.push(result('arc', arc.status, {}));
  const properties = { 'header.from': dmarc.domain, 'policy.dmarc': dmarc.wanted };
  results.push(result('dmarc', { result: dmarc.result, comment: dmarc.reason }, properties));
  // A line for each: a line may have 998 bytes.
  return [authservId, ...results].join(';\n\t');
}

/**
 * @param {string} method
 * @param {{ result: string, comment?: string | undefined }} status
 * @param {Record<string, string | undefined>} properties
 */
function result(method, { result, comment }, properties) {
  const words = [`${method}=${result}`];
  if (comment !== undefined && result !== 'pass' && result !== 'none')
    words.push(`reason=${quoted(comment)}`);
  for (const [name, value] of Object.entries(properties))
    if (value) words.push(`${name}=${/^[\w.-]+$/.test(value) ? value : quoted(value)}`);
  return words.join(' ');
}

/** Strangers have written it: outside of quotes it could end this result and begin another. */
function quoted(/** @type {string} */ text) {
  return `"${text
    .slice(0, 200)
    .replace(/[^ -~]/g, '?')
    .replace(/["\\]/g, '\\$&')}"`;
}
