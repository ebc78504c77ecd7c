import { type AddressParts, parseAddress } from '../../common/address.js';
import { optionalPeer } from '../../common/optional-peer.js';
import { wordsDecoder } from './mime-words.js';

/** An address in a header such as `From` or `To` (RFC 5322, 3.4). */
export interface HeaderAddress extends AddressParts {
  /** The display name, decoded, or the comment behind the address, or `''`: whatever the sender has chosen. */
  readonly name: string;
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
export function addressReader(call: string): (unfolded: string) => HeaderAddress[] {
  const parse = optionalPeer('nodemailer', call) as (text: string) => Entry[];
  const decode = wordsDecoder(call);
  const addresses = (entry: Entry, group?: string): HeaderAddress[] => {
    const { name = '', address = '' } = entry;
    if (entry.group !== undefined) {
      const within = group ?? decode(name);
      return entry.group.flatMap((member) => addresses(member, within));
    }
    if (address === '') return [];
    const one: HeaderAddress = { name: decode(name), ...parseAddress(address) };
    return [group === undefined ? one : { ...one, group }];
  };
  return (unfolded) => parse(unfolded).flatMap((entry) => addresses(entry));
}
