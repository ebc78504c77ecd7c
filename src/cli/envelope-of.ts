import type { Path } from '../mta/mail.js';
import type { EmlParts } from '../mta/parse-eml.js';
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
  const within = (names: readonly string[]): string[] =>
    headers.filter(([name]) => names.includes(name.toLowerCase())).flatMap(([, value]) => addressesIn(value));
  const [author] = within(['from']);
  if (from === undefined && author === undefined) {
    throw new UsageError("the message has no From: say who sends it with --from ('' is the null sender).");
  }
  const recipients = (rcpt ?? []).map((text) => parsePath('--rcpt', text));
  const named = [...new Set(within(RECIPIENTS))].map((address) => ({ address }));
  if (recipients.length + named.length === 0) {
    throw new UsageError('the message has no To, Cc or Bcc: say whom it is for with --rcpt.');
  }
  return {
    sender: from === undefined ? { address: author ?? '' } : parsePath('--from', from),
    senderFrom: from === undefined ? 'message' : 'said',
    recipients: recipients.length > 0 ? recipients : named,
    recipientsFrom: recipients.length > 0 ? 'said' : 'message',
  };
}
