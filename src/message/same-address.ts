import { parseAddress } from './parse-address.js';

const QUOTED = /^"((?:[^"\\]|\\[^])*)"$/;
/** No local part is that long (RFC 5321 has 64 bytes, 4.5.3.1.1). */
const TOO_LONG = 1_000;
const DOT_STRING = /^[^\0-\x20()<>@,;:\\"[\].\x7f]+(?:\.[^\0-\x20()<>@,;:\\"[\].\x7f]+)*$/;

/**
 * Whether two addresses are the same mailbox, as nearly all mail systems see it.
 *
 * - Domains are compared as the names that are looked up: in any case, `bücher.example` like `xn--bcher-kva.example`, a
 *   dot at the end ignored. An address literal (`[192.0.2.1]`) is compared as text, in any case.
 * - Local parts are compared in any case and, up to 1 000 characters, in Unicode's NFC. RFC 5321 (2.4) lets a mail system tell `Bob` from `bob`;
 *   next to none does. Quotes that are not needed do not count: `"a.b"@x` is `a.b@x` (4.1.2). Parts of a local part
 *   (`bob+lists`) are not looked at.
 * - The null sender `''` is the same as itself only.
 *
 * Never throws.
 *
 * @param a with or without angle brackets
 * @param b likewise
 * @example sameAddress('Info@Bücher.example', '<info@xn--bcher-kva.example.>'); // true
 */
export function sameAddress(a: string, b: string): boolean {
  return a === b || addressKey(a) === addressKey(b);
}

/** What two addresses have in common that are the same. */
export function addressKey(given: string): string {
  const { address, local, domain } = parseAddress(given);
  if (address === '') return '';
  // Without a domain there is no @, so that a local part alone is not taken for an address with an empty one.
  return local === address ? localKey(local) : `${localKey(local)}@${domain}`;
}

function localKey(local: string): string {
  const [, inside] = QUOTED.exec(local) ?? [];
  if (inside === undefined) return fold(local);
  const content = fold(inside.replace(/\\([^])/g, '$1'));
  return DOT_STRING.test(content) ? content : `"${content.replace(/["\\]/g, '\\$&')}"`;
}

function fold(text: string): string {
  // Of many combining characters each is moved past all the others: the time grows with the square.
  return (text.length > TOO_LONG ? text : text.normalize('NFC')).toLowerCase();
}
