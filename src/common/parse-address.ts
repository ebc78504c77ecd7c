import { domainToASCII } from 'node:url';

const ASCII_ONLY = /^[\0-\x7f]*$/;
/** A character of ASCII that no domain has; at some, the parser of URLs behind `domainToASCII` would cut or decode. */
const FOREIGN = /[^\w.\-\x80-\uffff]/;
/** A domain that is written as it is compared. */
const PLAIN = /^[a-z0-9.-]*[a-z0-9-]$/;
const NUMBER_AT_END = /(?:^|\.)\d+$/;
/** No domain is that long (RFC 1035 has 255 bytes). */
const TOO_LONG = 1000;

/** A domain as domains are compared: small letters, labels as `xn--…` (RFC 5890), no dot at its end. */
export function asciiDomain(domain: string): string {
  if (PLAIN.test(domain)) return domain;
  const ascii = toAscii(domain);
  return ascii.length > 1 && ascii.endsWith('.') ? ascii.slice(0, -1) : ascii;
}

function toAscii(domain: string): string {
  const lower = domain.toLowerCase();
  if (ASCII_ONLY.test(domain) || domain.length > TOO_LONG || FOREIGN.test(domain)) return lower;
  const ascii = domainToASCII(domain);
  // Digits of another script would be read as the number of an IPv4 address, a comma of another as one of ASCII.
  return ascii === '' || NUMBER_AT_END.test(ascii) || FOREIGN.test(ascii) ? lower : ascii;
}

/** The parts of a mail address. */
export interface AddressParts {
  /** Without angle brackets; `''` is the null sender. */
  readonly address: string;
  /** The text before the last `@`, quotes included; all of it without one. */
  readonly local: string;
  /** The text behind it: small letters, ASCII (`xn--…`), no dot at the end; `''` without an `@`. */
  readonly domain: string;
}

/** Within the brackets of an address literal an `@` divides nothing, as far as RFC 5322 (3.4.1) goes. */
const LITERAL = /@\[[^[\]\\]*\]$/;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const AT = 0x40;

/**
 * Divides a mail address (RFC 5321, 4.1.2) at its last `@` outside quotes.
 *
 * @remarks
 * It may have angle brackets. Never throws: text that is no address has parts, too.
 *
 * @example parseAddress('Bob@BÜCHER.example'); // { address: 'Bob@BÜCHER.example', local: 'Bob', domain: 'xn--bcher-kva.example' }
 */
export function parseAddress(address: string): AddressParts {
  const bare = address.startsWith('<') && address.endsWith('>') ? address.slice(1, -1) : address;
  const first = bare.indexOf('@');
  if (first === -1) return { address: bare, local: bare, domain: '' };
  const domain = bare.slice(first + 1);
  // The usual case: there is no other `@`, and no quote or literal ends behind it.
  if (PLAIN.test(domain)) return { address: bare, local: bare.slice(0, first), domain };
  const at = lastAt(bare);
  if (at === -1) return { address: bare, local: bare, domain: '' };
  return { address: bare, local: bare.slice(0, at), domain: asciiDomain(bare.slice(at + 1)) };
}

/** The last `@` outside quotes; a quote that is never closed is a character like any other. */
function lastAt(text: string): number {
  const literal = text.endsWith(']') ? text.search(LITERAL) : -1;
  if (literal !== -1) return literal;
  if (!text.includes('"')) return text.lastIndexOf('@');
  let at = -1;
  let quoted = false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) quoted = !quoted;
    else if (code === BACKSLASH && quoted) index++;
    else if (code === AT && !quoted) at = index;
  }
  return quoted ? text.lastIndexOf('@') : at;
}
