import { connect, type Socket } from 'node:net';

import { formatEndpoint, type Endpoint } from '../../transport/sockets/endpoint.js';
import { MilterError } from './milter-error.js';

/**
 * Connects to a milter.
 *
 * @param timeout how long that may take, in milliseconds
 * @param signal ends the attempt; then this rejects with its reason
 * @throws MilterError where nobody listens there, or nobody answers in time
 */
export function openSocket(endpoint: Endpoint, timeout: number, signal?: AbortSignal): Promise<Socket> {
  const socket =
    endpoint.family === 'unix'
      ? connect({ path: endpoint.path })
      : connect({
          host: endpoint.host,
          port: endpoint.port,
          family: endpoint.family === 'inet' ? 4 : 6,
          noDelay: true,
        });
  return new Promise((resolve, reject) => {
    const settled = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', aborted);
    };
    const aborted = (): void => {
      settled();
      socket.destroy();
      reject(signal?.reason as Error);
    };
    signal?.addEventListener('abort', aborted);
    const fail = (kind: 'connect' | 'timeout', reason: string, cause?: Error): void => {
      settled();
      socket.destroy();
      reject(new MilterError(kind, 'connect', `${formatEndpoint(endpoint)}: ${reason}`, { cause }));
    };
    const timer = setTimeout(() => fail('timeout', `no connection within ${timeout} ms`), timeout);
    // It stays: an error that comes later, between two listeners, must not end the process.
    socket.on('error', (error) => fail('connect', error.message, error));
    socket.once('connect', () => {
      settled();
      resolve(socket);
    });
  });
}
