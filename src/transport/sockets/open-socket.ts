import { type Server, type Socket, createServer } from 'node:net';

import { checkOptions } from '../../common/options.js';
import { bindServer } from './bind.js';
import { type Endpoint, type EndpointInput, formatEndpoint, parseEndpoint } from './endpoint.js';
import { ListenError } from './errors.js';
import { BIND_RULES, type BindOptions } from './listening.js';
import { Notice, connectionsWere } from './notice.js';

/** A socket that listens and has no filter yet; see `openSocket()`. */
export interface OpenSocket extends AsyncDisposable {
  /** Where it listens, as `inet:8891@127.0.0.1` or `unix:/path`. */
  readonly address: string;
  /** Stops listening, and closes waiting connections. Does nothing once a server has the socket. */
  close(): Promise<void>;
}

/** As many as the kernel would hold ready by itself. */
const MOST_WAITING = 511;

/**
 * Opens the socket of a filter before the filter is there (libmilter's `smfi_opensocket`).
 *
 * @remarks
 * The process can then give up the rights that it takes. An MTA that connects meanwhile waits until `serve()` or
 * `listen()` gets the socket as `listen`; it belongs to that server from then on. After a rejection nothing is left
 * behind.
 *
 * @throws EndpointError, ListenError, TypeError or RangeError (rejects) with the problem and what to do about it
 * @example
 * const socket = await openSocket('unix:/run/filter.sock', { group: 115 });
 * process.setuid?.('filter');
 * const server = await serve(filter, { listen: socket });
 * @see inheritedSockets
 */
export async function openSocket(endpoint: EndpointInput, options: BindOptions = {}): Promise<OpenSocket> {
  checkOptions('openSocket()', options, BIND_RULES);
  const held = new HeldSocket(parseEndpoint(endpoint));
  await bindServer(held.server, held.endpoint, options);
  // The system may refuse to accept a connection, for want of memory; the next one is another matter.
  held.server.on('error', (error) => process.emitWarning(error));
  return held;
}

/** The socket, and the connections that have to wait. */
export class HeldSocket implements OpenSocket {
  endpoint: Endpoint;
  readonly server: Server;
  /** Where the options of the socket are to be given, for a message. */
  readonly opener: string = 'Give the option to openSocket().';
  readonly #waiting = new Set<Socket>();
  readonly #full = new Notice(
    (count) =>
      `${connectionsWere(count)} turned away at ${this.address}: ${MOST_WAITING} wait for a filter already.`,
  );
  readonly #dropped = (): void => this.#full.add();
  readonly #hold = (socket: Socket): void => {
    this.#waiting.add(socket);
    socket.on('error', ignore).once('close', () => this.#waiting.delete(socket));
  };
  #taken = false;

  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint;
    this.server = createServer({ noDelay: true, pauseOnConnect: true }, this.#hold);
    this.server.maxConnections = MOST_WAITING;
    this.server.on('drop', this.#dropped);
  }

  get address(): string {
    return addressOf(this.server, this.endpoint);
  }

  /**
   * Hands the socket over: `accept` gets the waiting connections, oldest first, and all others from then on,
   * `dropped` those beyond `maxConnections`. Throws a `ListenError` where it was closed or handed over before.
   */
  take(
    accept: (socket: Socket) => void,
    maxConnections = Infinity,
    dropped: (peer: { readonly remoteAddress?: string | undefined }) => void = () => undefined,
  ): void {
    if (this.#taken || !this.server.listening) {
      const why = this.#taken ? 'it has a server already; open another one' : 'it was closed; open it again';
      const text = formatEndpoint(this.endpoint);
      throw new ListenError(`Cannot listen on the open socket ${text}: ${why}.`, text);
    }
    this.#taken = true;
    this.server.off('connection', this.#hold).on('connection', accept).off('drop', this.#dropped);
    this.#full.close();
    this.server.maxConnections = maxConnections;
    let room = maxConnections;
    for (const socket of this.#waiting) {
      socket.off('error', ignore);
      if (room-- > 0) accept(socket);
      else {
        dropped({ remoteAddress: socket.remoteAddress });
        socket.destroy();
      }
    }
    this.#waiting.clear();
  }

  async close(): Promise<void> {
    if (this.#taken || !this.server.listening) return;
    this.#full.close();
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.#waiting) socket.destroy();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Where a server listens, with the port that the system chose where 0 was asked for. */
export function addressOf(server: Server, endpoint: Endpoint): string {
  const bound = server.address();
  if (endpoint.family === 'unix' || bound === null || typeof bound === 'string')
    return formatEndpoint(endpoint);
  return formatEndpoint({ ...endpoint, port: bound.port });
}

/** A connection that ends before it is served closes, too. */
const ignore = (): void => undefined;
