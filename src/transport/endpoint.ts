/**
 * Where an MTA and a filter meet: a TCP port over IPv4 (`inet`) or IPv6 (`inet6`), or a Unix domain socket.
 *
 * `host` is an address without brackets, or a name that is looked up in that address family only. `port` 0 asks for any free port.
 * `path` is absolute.
 */
export type Endpoint =
  | { readonly family: 'inet' | 'inet6'; readonly host: string; readonly port: number }
  | { readonly family: 'unix'; readonly path: string };

/** What `parseEndpoint` understands: one of the usual spellings, an object with a port or a path, or an `Endpoint`. */
export type EndpointInput =
  | string
  | { readonly port: number; readonly host?: string | undefined }
  | { readonly path: string }
  | Endpoint;

export { formatEndpoint } from './format-endpoint.js';
export { parseEndpoint } from './parse-endpoint.js';
