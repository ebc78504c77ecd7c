import type { StringsFields } from '../transport/layouts/strings.js';

/** What MAIL and RCPT have in common. */
export interface EnvelopeFields {
  readonly address: string;
  readonly args: readonly string[];
  readonly params: Readonly<Record<string, string>>;
  readonly raw: Uint8Array;
}

const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze({});
const NO_BYTES = new Uint8Array(0);

/** Reads an address and its ESMTP arguments the way events have them: without brackets, arguments also by name. */
export function envelope({ address, args, raw }: StringsFields): EnvelopeFields {
  const bracketed = address.startsWith('<') && address.endsWith('>');
  return {
    address: bracketed ? address.slice(1, -1) : address,
    args,
    params: args.length === 0 ? NO_PARAMS : paramsOf(args),
    raw: raw ?? NO_BYTES,
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
