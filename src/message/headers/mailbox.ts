import { optionalPeer } from '../../common/optional-peer.js';
import { parseAddress } from '../../common/parse-address.js';
import { wordsDecoder } from './mime-words.js';

/** An address in a header such as `From` or `To` (RFC 5322, 3.4). */
export interface Mailbox {
  /** The display name, decoded, or the comment behind the address, or `''`: whatever the sender has chosen. */
  readonly name: string;
  readonly address: string;
  readonly local: string;
  /** As in `parseAddress()`: in small letters, in ASCII. */
  readonly domain: string;
  /** The name of the group that it is in, decoded. */
  readonly group?: string;
}

interface Entry {
  readonly name?: string;
  readonly address?: string;
  readonly group?: readonly Entry[];
}

/**
 * Reads addresses, after which names are decoded (RFC 2047, 5: an encoded comma divides nothing).
 *
 * @throws Error where libmime or nodemailer is not installed
 */
export function mailboxReader(call: string): (unfolded: string) => Mailbox[] {
  const parse = optionalPeer('nodemailer', call) as (text: string) => Entry[];
  const decode = wordsDecoder(call);
  const mailboxes = (entry: Entry, group?: string): Mailbox[] => {
    const { name = '', address = '' } = entry;
    if (entry.group !== undefined) {
      const within = group ?? decode(name);
      return entry.group.flatMap((member) => mailboxes(member, within));
    }
    if (address === '') return [];
    const mailbox: Mailbox = { name: decode(name), ...parseAddress(address) };
    return [group === undefined ? mailbox : { ...mailbox, group }];
  };
  return (unfolded) => parse(unfolded).flatMap((entry) => mailboxes(entry));
}
