import { type AddressParts, parseAddress } from '../common/address.js';
import type { StringsFields } from '../transport/wire/layouts.js';

/** The sender or a recipient of a message. */
export interface EnvelopePath extends AddressParts {
  /** The ESMTP arguments as they came: `['SIZE=1234', 'SMTPUTF8']`. */
  readonly args: readonly string[];
  /** The same by name in capitals: `{ SIZE: '1234', SMTPUTF8: '' }`. */
  readonly params: Readonly<Record<string, string>>;
  /** The bytes of the address as they came, with angle brackets where there were any. */
  readonly raw: Uint8Array;
}

const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze({});
export const NO_BYTES = Buffer.alloc(0);

/** An address, with or without angle brackets, and its ESMTP arguments. */
export function envelopePath({ address: given, args, raw = NO_BYTES }: StringsFields): EnvelopePath {
  const { address, local, domain, mailbox } = parseAddress(given);
  return {
    address,
    local,
    domain,
    mailbox,
    args,
    params: args.length === 0 ? NO_PARAMS : paramsOf(args),
    raw,
  };
}

function paramsOf(args: readonly string[]): Readonly<Record<string, string>> {
  const params: Record<string, string> = {};
  for (const arg of args) {
    const equals = arg.indexOf('=');
    if (equals === -1) params[arg.toUpperCase()] = '';
    else params[arg.slice(0, equals).toUpperCase()] = arg.slice(equals + 1);
  }
  return params;
}
