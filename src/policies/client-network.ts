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

/** What each of them has to be. */
export const NETWORK_RULES: Rules<NetworkSize> = { ipv4: whole(0, 32), ipv6: whole(0, 128) };

/**
 * The network that a client is in, to be a key: `192.0.2.0/24`, `2001:db8:0:1:0:0:0:0/64`.
 *
 * Where a provider has several machines that try in turn, they mostly have addresses of one network; and one machine
 * has all addresses of an IPv6 network of 64 bits. An IPv4 address written as an IPv6 one (`::ffff:192.0.2.1`) counts as
 * what it is. A Unix socket is its path; a client of which nothing is known is `unknown`.
 *
 * @param size default 24 and 64
 * @throws TypeError or RangeError where a size is wrong
 * @example clientNetwork(event.session.client, { ipv4: 32 })
 */
export function clientNetwork(client: Pick<Client, 'address' | 'family'>, size: NetworkSize = {}): string {
  checkOptions('clientNetwork()', size, NETWORK_RULES);
  return networkOf(client, size);
}

/** The same for a size that was checked. */
export function networkOf(
  { address, family }: Pick<Client, 'address' | 'family'>,
  { ipv4 = 24, ipv6 = 64 }: NetworkSize,
): string {
  if (family === 'inet' && isIPv4(address)) return `${first(v4Groups(address), 8, ipv4).join('.')}/${ipv4}`;
  if (family !== 'inet6' || !isIPv6(address)) return address === '' ? 'unknown' : address;
  const groups = v6Groups(address);
  const [, , , , , mark, high = 0, low = 0] = groups;
  if (mark === 0xffff && groups.slice(0, 5).every((group) => group === 0)) {
    const mapped = [high >> 8, high & 0xff, low >> 8, low & 0xff];
    return `${first(mapped, 8, ipv4).join('.')}/${ipv4}`;
  }
  return `${first(groups, 16, ipv6)
    .map((group) => group.toString(16))
    .join(':')}/${ipv6}`;
}

function v4Groups(address: string): number[] {
  return address.split('.').map(Number);
}

function v6Groups(address: string): number[] {
  const [plain = ''] = address.split('%');
  // The last 32 bits may be written as an IPv4 address.
  const dotted = /[\d.]+$/.exec(plain)?.[0] ?? '';
  const bytes = isIPv4(dotted) ? v4Groups(dotted) : [];
  const tail = [0, 2]
    .slice(0, bytes.length / 2)
    .map((at) => (((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)).toString(16));
  const text = bytes.length === 0 ? plain : plain.slice(0, -dotted.length) + tail.join(':');
  const [head = '', rest] = text.split('::');
  const before = groupsOf(head);
  const after = groupsOf(rest ?? '');
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}

function groupsOf(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}

/** The first bits of a number in groups; the others are 0. */
function first(groups: readonly number[], width: number, bits: number): number[] {
  return groups.map((group, at) => {
    const kept = Math.max(0, Math.min(width, bits - at * width));
    return (group >> (width - kept)) << (width - kept);
  });
}
