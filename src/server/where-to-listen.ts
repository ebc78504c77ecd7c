import { parseEndpoint, type Endpoint, type EndpointInput } from '../transport/endpoint.js';
import { HeldSocket, type OpenSocket } from '../transport/open-socket.js';
import { allowedPeers } from './allowed-peers.js';
import type { ListenOptions } from './listen-options.js';

/** Where a server is to listen: an endpoint, or a socket of `openSocket()` or `inheritedSockets()`. */
export type ListenInput = EndpointInput | OpenSocket;

/** What opens a socket, and means nothing to one that is open. */
const OPENING = ['mode', 'owner', 'group', 'backlog'] as const;

/**
 * Reads where to listen.
 *
 * @throws EndpointError where it is no endpoint, TypeError where an option is for a socket that is still to be opened,
 *   TypeError or RangeError where `allow` is wrong
 */
export function whereToListen(input: ListenInput, options: ListenOptions): Endpoint | HeldSocket {
  if (!(input instanceof HeldSocket)) {
    const endpoint = parseEndpoint(input as EndpointInput);
    allowedPeers(options.allow, endpoint);
    return endpoint;
  }
  allowedPeers(options.allow, input.endpoint);
  const late = OPENING.find((name) => options[name] !== undefined);
  if (late === undefined) return input;
  throw new TypeError(`${late}: the socket ${input.address} is open already. ${input.opener}`);
}
