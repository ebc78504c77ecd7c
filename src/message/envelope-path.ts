import { parseAddress } from '../common/address.js';
import { type EnvelopePath, envelopePath } from '../session/envelope-path.js';
import type { Text } from '../session/modifications.js';
import { decodeText } from '../transport/wire/text.js';

/** The path of a `mail` or `rcpt` event, without what else the event holds. */
export function pathOf({ address, local, domain, mailbox, args, params, raw }: EnvelopePath): EnvelopePath {
  return { address, local, domain, mailbox, args, params, raw };
}

/**
 * The path that a filter, or a modification of it, has written. Nothing is checked here.
 *
 * @param address with or without angle brackets; text is given them in `raw`, bytes are left as they are
 */
export function writtenPath(address: Text, args: readonly string[]): EnvelopePath {
  if (typeof address === 'string') {
    const bracketed = `<${parseAddress(address).address}>`;
    return envelopePath({ address: bracketed, args, raw: Buffer.from(bracketed) });
  }
  const bytes = Buffer.from(address.buffer, address.byteOffset, address.length);
  return envelopePath({ address: decodeText(bytes, 0, bytes.length), args, raw: address });
}
