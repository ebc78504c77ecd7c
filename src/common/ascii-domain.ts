import { domainToASCII } from 'node:url';

const ASCII_ONLY = /^[\0-\x7f]*$/;
/** A character of ASCII that no domain has; the parser of URLs, which is behind `domainToASCII`, would cut or decode at some. */
const FOREIGN = /[^\w.\-\x80-\uffff]/;
const NUMBER_AT_END = /(?:^|\.)\d+$/;
/** No domain is that long (RFC 1035 has 255 bytes). */
const TOO_LONG = 1000;

/**
 * A domain in the form in which domains are compared: small letters, internationalised labels as `xn--…` (RFC 5890),
 * without a dot at its end. What is none (an address literal, say) is only made small.
 */
export function asciiDomain(domain: string): string {
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
