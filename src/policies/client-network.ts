import { isIPv4, isIPv6 } from 'node:net';

import { checkOptions, whole, type Rules } from '../common/options.js';
import type { Client } from '../session/session-info.js';

/** How many leading bits of a client's address count. */
export interface NetworkSize {
  /** 0 to 32. */
  readonly ipv4?: number | undefined;
  /** 0 to 128. */
  readonly ipv6?: number | undefined;
}

/** The rules of these options. */
export const NETWORK_RULES: Rules<NetworkSize> = { ipv4: whole(0, 32), ipv6: whole(0, 128) };

/** The size of one machine, which has all addresses of an IPv6 network of 64 bits. */
export const ONE_MACHINE: Readonly<Record<keyof NetworkSize, number>> = { ipv4: 32, ipv6: 64 };

/**
 * Returns the network of a client as a key: `192.0.2.0/24`, `2001:db8:0:1:0:0:0:0/64`.
 *
 * @remarks An IPv4 address written as an IPv6 one (`::ffff:192.0.2.1`) counts as IPv4. The key of a Unix socket is its
 *   path, that of an unknown client `unknown`.
 * @param size in bits; default 24 for IPv4 and 64 for IPv6
 * @throws TypeError or RangeError where a size is wrong
 * @example clientNetwork(event.session.client, { ipv4: 32 })
 */
export function clientNetwork(
  { address, family }: Pick<Client, 'address' | 'family'>,
  size: NetworkSize = {},
): string {
  checkOptions('clientNetwork()', size, NETWORK_RULES);
  const { ipv4 = 24, ipv6 = 64 } = size;
  if (family === 'inet' && isIPv4(address)) return v4Network(address.split('.').map(Number), ipv4);
  if (family !== 'inet6' || !isIPv6(address)) return address === '' ? 'unknown' : address;
  const groups = v6Groups(address);
  const [high = 0, low = 0] = groups.slice(6);
  if (groups.slice(0, 6).join() === '0,0,0,0,0,65535') {
    return v4Network([high >> 8, high & 0xff, low >> 8, low & 0xff], ipv4);
  }
  const hex = leading(groups, 16, ipv6).map((group) => group.toString(16));
  return `${hex.join(':')}/${ipv6}`;
}

function v4Network(bytes: readonly number[], bits: number): string {
  return `${leading(bytes, 8, bits).join('.')}/${bits}`;
}

function v6Groups(address: string): number[] {
  const [plain = ''] = address.split('%');
  // A URL writes the last 32 bits in hexadecimal groups, too, where they were written as an IPv4 address.
  const [head = '', tail = ''] = new URL(`http://[${plain}]`).hostname.slice(1, -1).split('::');
  const [before, after] = [head, tail].map((text) =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)),
  ) as [number[], number[]];
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}

/** The leading bits of a number in groups of `width` bits; the others are 0. */
function leading(groups: readonly number[], width: number, bits: number): number[] {
  return groups.map((group, at) => {
    const kept = Math.max(0, Math.min(width, bits - at * width));
    return (group >> (width - kept)) << (width - kept);
  });
}
