import { excerpt } from '../common/printable.js';
import type { Path } from '../mta/simulate/mail.js';
import type { EmlParts } from '../mta/simulate/parse-eml.js';
import { addressesIn } from './addresses-in.js';
import { parsePath } from './parse-path.js';
import { UsageError } from './usage-error.js';

/** From whom and for whom a message is, and whether that was said or is taken from the message. */
export interface Envelope {
  readonly sender: Path;
  readonly recipients: readonly Path[];
  readonly senderFrom: 'said' | 'message';
  readonly recipientsFrom: 'said' | 'message';
}

const RECIPIENTS = ['to', 'cc', 'bcc'];

/**
 * The envelope of a message: what was said of it, else its `From` and its `To`, `Cc` and `Bcc`.
 *
 * @throws UsageError where there is neither
 */
export function envelopeOf(
  { headers }: EmlParts,
  from: string | undefined,
  rcpt: readonly string[] | undefined,
): Envelope {
  const said = (rcpt ?? []).map((text) => recipientOf(text));
  return {
    sender: from === undefined ? authorOf(headers) : parsePath('--from', from),
    senderFrom: from === undefined ? 'message' : 'said',
    recipients: said.length > 0 ? said : recipientsIn(headers),
    recipientsFrom: said.length > 0 ? 'said' : 'message',
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

/** What an SMTP client can write as an address: no blank outside of quotes, and no control character. */
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
