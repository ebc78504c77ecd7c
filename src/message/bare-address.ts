import type { Text } from '../session/modifications.js';

/** The bytes of an address without the angle brackets around it, as a string with one character for each byte. */
export function bareAddress(address: Text): string {
  const text =
    typeof address === 'string'
      ? Buffer.from(address).toString('latin1')
      : Buffer.from(address.buffer, address.byteOffset, address.length).toString('latin1');
  return text.startsWith('<') && text.endsWith('>') ? text.slice(1, -1) : text;
}
