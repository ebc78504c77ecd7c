import { isIPv4, isIPv6 } from 'node:net';

import { quote } from '../../common/printable.js';
import type { Layout } from '../layout.js';
import { Malformed } from '../malformed.js';
import { decodeText } from '../text.js';
import { NUL, findNul } from './nul.js';

/** How the SMTP client is connected to the MTA. */
export type Family = 'inet' | 'inet6' | 'unix' | 'unknown';

/** The SMTP client. */
export interface ConnectFields {
  readonly host: string;
  readonly family: Family;
  /** 0 where the MTA does not know it. */
  readonly port: number;
  /** The address without Sendmail's `IPv6:` in front, a socket path for `unix`, `''` for `unknown`. */
  readonly address: string;
  /** The bytes that `host` was decoded from. Where given, they and not `host` are written. */
  readonly raw?: Uint8Array;
}

const LETTERS: Readonly<Record<Family, string>> = { inet: '4', inet6: '6', unix: 'L', unknown: 'U' };
const FAMILIES = new Map<number, Family>(
  (Object.keys(LETTERS) as Family[]).map((family) => [LETTERS[family].charCodeAt(0), family]),
);
const SENDMAIL_PREFIX = /^IPv6:/i;

/** Host, family and, unless the family is unknown, port and address. */
export const connect: Layout<ConnectFields> = {
  doc: 'str host, u8 family (4 6 L U) [, u16 port, str address]',
  decode(data, start, end) {
    const nul = findNul(data, start, end, 'the host name');
    const host = decodeText(data, start, nul);
    const raw = data.subarray(start, nul);
    const letter = nul + 1 < end ? data[nul + 1] : undefined;
    if (letter === undefined) throw new Malformed('no address family after the host name');
    const family = FAMILIES.get(letter);
    if (family === undefined) {
      throw new Malformed(`address family 0x${letter.toString(16)} is none of 4, 6, L, U`);
    }
    if (family === 'unknown') return { host, family, port: 0, address: '', raw };
    const at = nul + 2;
    if (end - at < 2) throw new Malformed(`no port after the address family ${LETTERS[family]}`);
    const stop = findNul(data, at + 2, end, 'the address');
    const address = decodeText(data, at + 2, stop).replace(SENDMAIL_PREFIX, '');
    return { host, family: fitting(family, address), port: data.readUInt16BE(at), address, raw };
  },
  encode(fields) {
    const head = [fields.raw ?? fields.host, NUL, LETTERS[fields.family]];
    if (fields.family === 'unknown') return head;
    return [...head, Uint8Array.of(fields.port >> 8, fields.port & 0xff), fields.address, NUL];
  },
};

/** Whether the address of a CONNECT that can be read has Sendmail's `IPv6:` before it. */
export function hasPrefix(data: Buffer, start: number, end: number): boolean {
  const family = findNul(data, start, end, 'the host name') + 1;
  return SENDMAIL_PREFIX.test(data.toString('latin1', family + 3, end));
}

/**
 * An address of the other family is a peer that cannot be trusted; one that is no address at all is no reason to lose
 * the mail: the client is then unknown, and what the MTA said of it stays readable.
 */
function fitting(family: Family, address: string): Family {
  if (family === 'unix') return family;
  const four = isIPv4(address);
  const six = isIPv6(address);
  if (family === 'inet' ? six : four) {
    throw new Malformed(`address family ${LETTERS[family]} does not fit the address ${quote(address)}`);
  }
  return four || six ? family : 'unknown';
}
