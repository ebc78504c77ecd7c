import { excerpt } from '../common/printable.js';
import type { Path } from '../mta/simulate/mail.js';
import type { EmlParts } from '../mta/simulate/parse-eml.js';
import { UsageError } from './command.js';
import { parsePath } from './values.js';

/** The sender and the recipients of a message, and whether they come from options or from the message. */
export interface Envelope {
  readonly sender: Path;
  readonly recipients: readonly Path[];
  readonly senderFrom: 'option' | 'message';
  readonly recipientsFrom: 'option' | 'message';
}

const RECIPIENTS = ['to', 'cc', 'bcc'];

/** The envelope of a message: from the options, else from its `From` and its `To`, `Cc` and `Bcc`. */
export function envelopeOf(
  { headers }: EmlParts,
  from: string | undefined,
  rcpt: readonly string[] | undefined,
): Envelope {
  return {
    sender: from === undefined ? authorOf(headers) : parsePath('--from', from),
    senderFrom: from === undefined ? 'message' : 'option',
    recipients: rcpt?.map(recipientOf) ?? recipientsIn(headers),
    recipientsFrom: rcpt === undefined ? 'message' : 'option',
  };
}

function recipientOf(text: string): Path {
  const path = parsePath('--rcpt', text);
  if (path.address !== '') return path;
  throw new UsageError(
    `--rcpt ${JSON.stringify(text)}: there is no address. Write one, as in --rcpt bob@example.org.`,
  );
}

function authorOf(headers: EmlParts['headers']): Path {
  const advice = "say who sends it with --from ('' is the null sender).";
  const [address] = addressesOf(headers, ['from'], advice);
  if (address === undefined) throw new UsageError(`the message has no From: ${advice}`);
  return { address };
}

function recipientsIn(headers: EmlParts['headers']): Path[] {
  const advice = 'say whom it is for with --rcpt.';
  const found = addressesOf(headers, RECIPIENTS, advice);
  if (found.length === 0) throw new UsageError(`the message has no To, Cc or Bcc: ${advice}`);
  return [...new Set(found)].map((address) => ({ address }));
}

/** An address that an SMTP client can write: no blank outside of quotes, and no control character. */
const ADDRESS = /^(?:"(?:\\[^\0-\x1f\x7f]|[^"\\\0-\x1f\x7f])*"|[^\s"<>\0-\x1f\x7f])+$/;
/** A line of SMTP has no more characters in Postfix and Sendmail. */
const LONGEST = 2_000;

function addressesOf(headers: EmlParts['headers'], names: readonly string[], advice: string): string[] {
  return headers
    .filter(([name]) => names.includes(name.toLowerCase()))
    .flatMap(([name, value]) => {
      const addresses = addressesIn(value);
      const bad = addresses.find((address) => address.length > LONGEST || !ADDRESS.test(address));
      if (bad === undefined) return addresses;
      const what = `"${excerpt(bad, 60)}" in the ${name} of the message is no address`;
      throw new UsageError(
        `${what}${bad.length > LONGEST ? `, with ${bad.length} characters` : ''}: ${advice}`,
      );
    });
}

/** The mail addresses in the value of a header such as `To` (RFC 5322, 3.4), without names, comments and groups. */
export function addressesIn(value: string): string[] {
  return split(value).flatMap((part) => {
    const [, inside] = /<([^<>]*)>\s*$/.exec(part) ?? [];
    const address = (inside ?? part).trim();
    return address === '' ? [] : [address];
  });
}

/** The parts between commas and semicolons outside of quotes; without comments and the names of groups. */
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
