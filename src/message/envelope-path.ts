import { parseAddress } from '../common/parse-address.js';
import { envelope, type EnvelopeFields } from '../session/connection/events.js';
import type { Text } from '../session/modifications.js';
import { decodeText } from '../transport/wire/text.js';

/** The sender or a recipient of a message. */
export interface EnvelopePath {
  /** Without angle brackets; `''` is the null sender. */
  readonly address: string;
  /** The part before the last `@` outside quotes; all of it without an `@`. */
  readonly local: string;
  /** The part behind it, in small letters and in ASCII (`xn--…`), without a dot at its end; `''` without an `@`. */
  readonly domain: string;
  /** The ESMTP arguments as they came: `['SIZE=1234', 'SMTPUTF8']`. */
  readonly args: readonly string[];
  /** The same by name in capitals. */
  readonly params: Readonly<Record<string, string>>;
  /** The bytes of the address as they came, angle brackets included where there were any. */
  readonly raw: Uint8Array;
}

/** The path of a `mail` or `rcpt` event. */
export function envelopePath({ address, args, params, raw }: EnvelopeFields): EnvelopePath {
  const { local, domain } = parseAddress(address);
  return { address, local, domain, args, params, raw };
}

/**
 * The path that a filter, or a modification of it, has written. Nothing is checked here.
 *
 * @param address with or without angle brackets; text is given them in `raw`, bytes are left as they are
 */
export function writtenPath(address: Text, args: readonly string[]): EnvelopePath {
  if (typeof address === 'string') {
    const { address: bare } = parseAddress(address);
    const bracketed = `<${bare}>`;
    return envelopePath(envelope({ address: bracketed, args, raw: Buffer.from(bracketed) }));
  }
  const bytes = Buffer.from(address.buffer, address.byteOffset, address.length);
  return envelopePath(envelope({ address: decodeText(bytes, 0, bytes.length), args, raw: address }));
}
