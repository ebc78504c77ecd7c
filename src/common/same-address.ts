import { addressKey } from './address-key.js';

/**
 * Whether two addresses are spellings of one mailbox, as nearly all mail systems see it: both have the same
 * `addressKey()`, where it is said what counts. Never throws.
 *
 * @param a with or without angle brackets
 * @param b likewise
 * @example sameAddress('Info@Bücher.example', '<"info"@xn--bcher-kva.example.>'); // true
 */
export function sameAddress(a: string, b: string): boolean {
  return a === b || addressKey(a) === addressKey(b);
}
