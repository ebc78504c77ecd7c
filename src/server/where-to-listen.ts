import { BlockList, isIPv4, isIPv6 } from 'node:net';

import { shown } from '../common/options.js';
import { type Endpoint, type EndpointInput, parseEndpoint } from '../transport/sockets/endpoint.js';
import type { BindOptions } from '../transport/sockets/listening.js';
import { HeldSocket, type OpenSocket } from '../transport/sockets/open-socket.js';

/** Says whether a peer of this address may connect; one that is gone has none, and may not. */
export type Allowed = (address: string | undefined) => boolean;

const MAPPED = /^::ffff:(?=\d+\.)/i;

/** Reads the option `peers`; throws a TypeError or RangeError that names the entry that cannot be. */
export function allowedPeers(peers: unknown, { family }: Endpoint): Allowed | undefined {
  if (peers === undefined) return undefined;
  if (!Array.isArray(peers))
    throw new TypeError(`peers: ${shown(peers)} is not a list. Use an array of addresses and networks.`);
  if (family === 'unix') {
    throw new TypeError(
      'peers: those of a Unix socket have no addresses. Say who may connect with mode, owner and group.',
    );
  }
  if (peers.length === 0)
    throw new RangeError(
      'peers: the list is empty, so that no MTA could connect. Leave it out to let in all.',
    );
  const ipv4 = new BlockList();
  const ipv6 = new BlockList();
  for (const entry of peers as readonly unknown[]) add(ipv4, ipv6, entry);
  return (address) => {
    // An IPv4 peer of a socket for both families.
    const peer = address?.replace(MAPPED, '').replace(/%.*$/, '');
    if (peer === undefined) return false;
    return isIPv4(peer) ? ipv4.check(peer, 'ipv4') : ipv6.check(peer, 'ipv6');
  };
}

/** IPv4 addresses, written as IPv6 ones. */
const MAPPED_NETWORK = new BlockList();
MAPPED_NETWORK.addSubnet('::ffff:0:0', 96, 'ipv6');

function add(ipv4: BlockList, ipv6: BlockList, entry: unknown): void {
  const fail = (problem: string): never => {
    throw new (typeof entry === 'string' ? RangeError : TypeError)(`peers: ${shown(entry)} ${problem}`);
  };
  if (typeof entry !== 'string')
    return fail("is not a string. Write an address or a network, as '192.0.2.0/24'.");
  const [address = '', bits, ...more] = entry.split('/');
  const family = isIPv4(address) ? 'ipv4' : 'ipv6';
  if (address.includes('%'))
    return fail('has a zone, which an address that connects is not compared by. Leave it out.');
  if (!(isIPv4(address) || isIPv6(address)) || more.length > 0)
    return fail(
      "is no address or network. Names are not looked up; write '192.0.2.7', '192.0.2.0/24' or '2001:db8::/32'.",
    );
  // Lists of their own, since for Node ::/0 has every IPv4 address in it.
  const mapped = family === 'ipv6' && Number(bits ?? 128) >= 96 && MAPPED_NETWORK.check(address, 'ipv6');
  const list = family === 'ipv4' || mapped ? ipv4 : ipv6;
  if (bits === undefined) {
    list.addAddress(address, family);
    return;
  }
  const most = family === 'ipv4' ? 32 : 128;
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > most)
    return fail(`has no number of leading bits after the slash. Write 0 to ${most}.`);
  list.addSubnet(address, Number(bits), family);
}

/** Where a server is to listen: an endpoint, or a socket of `openSocket()` or `inheritedSockets()`. */
export type ListenInput = EndpointInput | OpenSocket;

const OPENING = ['mode', 'owner', 'group', 'backlog'] as const;

/** Reads where to listen; throws a TypeError for an option that an open socket cannot have. */
export function whereToListen(input: ListenInput, options: BindOptions): Endpoint | HeldSocket {
  if (!(input instanceof HeldSocket)) return parseEndpoint(input as EndpointInput);
  const late = OPENING.find((name) => options[name] !== undefined);
  if (late === undefined) return input;
  throw new TypeError(`${late}: the socket ${input.address} is open already. ${input.opener}`);
}
