import type { Endpoint } from './endpoint.js';

/**
 * The endpoint as text, in the spelling of libmilter's `smfi_setconn`, which `parseEndpoint` reads back to an equal endpoint.
 *
 * @example
 * formatEndpoint({ family: 'inet6', host: '::1', port: 8891 }); // 'inet6:8891@::1'
 * formatEndpoint({ family: 'unix', path: '/run/filter.sock' }); // 'unix:/run/filter.sock'
 */
export function formatEndpoint(endpoint: Endpoint): string {
  return endpoint.family === 'unix'
    ? `unix:${endpoint.path}`
    : `${endpoint.family}:${String(endpoint.port)}@${endpoint.host}`;
}
