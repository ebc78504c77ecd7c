import type { Socket } from 'node:net';
import { type Server, type TLSSocket, type TlsOptions, createServer } from 'node:tls';
import type { Observable } from 'rxjs';

import { shown } from '../common/options.js';
import { messageOf } from '../common/text-of.js';
import { Newest } from './newest.js';

/** What Node's `tls.createServer()` takes, once or as a stream: each new connection gets the newest. */
export type TlsInput = TlsOptions | Observable<TlsOptions>;

/** Gives sockets TLS: each goes through a server of Node that does not listen itself. */
export class Secured {
  #server: Server | undefined;
  readonly #newest: Newest<TlsOptions>;
  /** By address and port of the peer: a server of Node does not say which socket it has made a secure one of. */
  readonly #handshakes = new Map<string, Socket>();
  #closed = false;

  /**
   * @param secure gets a socket whose handshake is done
   * @param failed gets the address of a peer whose handshake was not
   */
  constructor(
    input: TlsInput,
    handshakeTimeout: number,
    secure: (socket: TLSSocket) => void,
    failed: (why: string, address: string | undefined) => void,
  ) {
    const make = (options: TlsOptions): Server => {
      if (typeof options !== 'object' || (options as unknown) === null) {
        throw new TypeError(
          `tls: ${shown(options)} is no object. Give { key, cert }, as tls.createServer() takes it.`,
        );
      }
      const { ca, requestCert = ca !== undefined, rejectUnauthorized: rejects = true } = options;
      let server: Server;
      try {
        // Rejected here, where it can be said why.
        server = createServer({ handshakeTimeout, ...options, requestCert, rejectUnauthorized: false });
      } catch (cause) {
        throw new TypeError(`tls: the key or the certificate cannot be used: ${messageOf(cause)}`, { cause });
      }
      return server
        .on('secureConnection', (socket) => {
          this.#handshakes.delete(peerOf(socket));
          if (socket.authorized || !requestCert || !rejects) {
            secure(socket);
            return;
          }
          failed(
            `its certificate is not of the CA (${messageOf(socket.authorizationError)})`,
            socket.remoteAddress,
          );
          socket.destroy();
        })
        .on('tlsClientError', (error, socket) => {
          // That of a peer that is gone has no address any more.
          if (!this.#closed) failed(error.message, socket.remoteAddress);
          socket.destroy();
        });
    };
    this.#newest = new Newest<TlsOptions>(input, {
      take: (options) => (this.#server = make(options)),
      failed: (error) => {
        process.emitWarning(`The last certificate stays: ${messageOf(error)}`, { type: 'MilterWarning' });
      },
      none: 'tls: the Observable completed without options.',
    });
  }

  /** Resolves when there is a certificate; rejects where there will be none. */
  get ready(): Promise<void> {
    return this.#newest.ready;
  }

  /** Begins the handshake of a connection. */
  take(socket: Socket): void {
    const peer = peerOf(socket);
    this.#handshakes.set(peer, socket);
    socket.once('close', () => {
      if (this.#handshakes.get(peer) === socket) this.#handshakes.delete(peer);
    });
    this.#server?.emit('connection', socket);
  }

  /** No more certificates are wanted; handshakes that are under way end. */
  close(): void {
    this.#closed = true;
    this.#newest.close();
    for (const socket of this.#handshakes.values()) socket.destroy();
  }
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress ?? ''} ${remotePort ?? ''}`;
}
