import { closeSync, openSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';

import { errorCode } from '../common/describe-error.js';
import type { ConnectionOwner } from '../session/connection/boundary.js';
import type { Connection } from '../session/connection/connection.js';
import type { ResolvedOptions } from '../session/options.js';
import { bindServer } from '../transport/sockets/bind.js';
import type { Endpoint } from '../transport/sockets/endpoint.js';
import { connectionsWere, Notice } from '../transport/sockets/notice.js';
import { addressOf, HeldSocket } from '../transport/sockets/open-socket.js';
import type { ListenOptions } from './options.js';
import { Secured } from './secured.js';
import { connectSocket } from './socket-io.js';
import { allowedPeers, type Allowed } from './where-to-listen.js';

/** How often hung connections are looked for, in milliseconds. */
const SWEEP = 5_000;
/** How long a socket whose connection is over may take to get rid of its last bytes. */
const LAST_BYTES = 1_000;

/** Listens, and keeps the connections that came of it. */
export class Acceptor {
  readonly #server: Server;
  readonly #where: Endpoint | HeldSocket;
  readonly #endpoint: Endpoint;
  readonly #options: ListenOptions;
  readonly #resolved: ResolvedOptions;
  readonly #sockets = new Map<Socket, Connection>();
  readonly #forget = forgetIn(this.#sockets);
  readonly #accept: (connect: (owner: ConnectionOwner) => Connection) => void;
  readonly #allowed: Allowed | undefined;
  readonly #full: Notice;
  readonly #strange: Notice;
  readonly #exhausted: Notice;
  readonly #unsecured: Notice;
  readonly #secured: Secured | undefined;
  #sweep: NodeJS.Timeout | undefined;
  #binding: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;
  #grace = Infinity;
  #draining = false;
  #soon: NodeJS.Timeout | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #end: NodeJS.Timeout | undefined;

  /** @param accept called for each new socket; has to call what it gets to let it speak */
  constructor(
    where: Endpoint | HeldSocket,
    options: ListenOptions,
    resolved: ResolvedOptions,
    accept: (connect: (owner: ConnectionOwner) => Connection) => void,
  ) {
    this.#where = where;
    this.#endpoint = where instanceof HeldSocket ? where.endpoint : where;
    this.#options = options;
    this.#resolved = { ...resolved, answerData: this.#endpoint.family !== 'unix' };
    this.#accept = accept;
    this.#allowed = allowedPeers(options.peers, this.#endpoint);
    const turnedAway = (why: string) => (count: number, last: string) =>
      `${connectionsWere(count)} turned away at ${this.address}: ${why}${last === '' ? '' : ` (the last from ${last})`}.`;
    this.#full = new Notice(
      turnedAway(`there are ${options.maxConnections} of them (maxConnections) already`),
    );
    this.#strange = new Notice(turnedAway('their addresses are not in the list of the option peers'));
    this.#exhausted = new Notice(
      (_count, code) =>
        `No file descriptors are left (${code}): new connections to ${this.address} are closed at once, and cannot be counted. ` +
        'Raise the limit ("ulimit -n", LimitNOFILE=), or set maxConnections below it.',
    );
    this.#unsecured = new Notice(turnedAway('the TLS handshake failed'));
    if (options.tls !== undefined) {
      if (this.#endpoint.family === 'unix')
        throw new TypeError('tls: a Unix socket stays within the machine. Leave it out.');
      this.#secured = new Secured(options.tls, resolved.timeouts.negotiate, this.#serve, (why, address) => {
        this.#unsecured.add(`${address ?? 'a peer that is gone'}: ${why}`);
      });
    }
    this.#server = where instanceof HeldSocket ? where.server : createServer({ noDelay: true }, this.#take);
    // An open socket may be another server's, until it was taken.
    if (!(where instanceof HeldSocket) && options.maxConnections !== undefined)
      this.#server.maxConnections = options.maxConnections;
  }

  /** Where it listens, with the port that the system chose where 0 was asked for. */
  get address(): string {
    return addressOf(this.#server, this.#endpoint);
  }

  /** Resolves when it listens; rejects with a `ListenError`, and then nothing is left behind. */
  async start(): Promise<void> {
    if (this.#secured !== undefined) {
      await this.#secured.ready;
      // It was closed before there was a certificate.
      if (this.#stopped !== undefined) return;
    }
    if (this.#where instanceof HeldSocket) {
      this.#where.take(this.#take, this.#options.maxConnections, this.#dropped);
    } else {
      this.#binding = bindServer(this.#server, this.#where, this.#options);
      await this.#binding;
      // The system may refuse to accept a connection, for want of memory; the next one is another matter.
      this.#server.on('error', (error) => process.emitWarning(error));
    }
    this.#server.on('drop', this.#dropped);
    this.#sweep = setInterval(() => {
      this.#probe();
      for (const connection of this.#sockets.values()) connection.tick(SWEEP);
    }, SWEEP).unref();
  }

  /**
   * Accepts no more connections, and resolves when all are over: after `grace` milliseconds those with a message in
   * progress have `deadline` more. Called again it can only be sooner.
   */
  drain(deadline: number, grace = 0): Promise<void> {
    this.#stopped ??= this.#closeServer();
    if (!this.#draining && grace < this.#grace) {
      this.#grace = grace;
      clearTimeout(this.#soon);
      if (grace > 0) this.#soon = setTimeout(() => this.#finish(deadline), grace);
      else this.#finish(deadline);
    }
    return this.#stopped;
  }

  destroy(): void {
    void this.drain(0);
    for (const [socket, connection] of this.#sockets) {
      connection.destroy();
      socket.destroy();
    }
  }

  async #closeServer(): Promise<void> {
    // Closed before it listens, a server of Node would still listen afterwards.
    if (!this.#server.listening) await this.#binding?.catch(() => undefined);
    // Before the server forgets its address.
    for (const notice of [this.#full, this.#strange, this.#exhausted, this.#unsecured]) notice.close();
    // Its error is that it does not listen, which is as good.
    await new Promise((resolve) => this.#server.close(resolve));
    for (const timer of [this.#sweep, this.#soon, this.#expiry, this.#end]) clearTimeout(timer);
  }

  #finish(deadline: number): void {
    this.#draining = true;
    this.#secured?.close();
    clearInterval(this.#sweep);
    for (const connection of this.#sockets.values()) connection.drain();
    this.#expiry = setTimeout(() => {
      for (const connection of this.#sockets.values()) connection.expire(deadline);
    }, deadline);
    this.#end = setTimeout(() => {
      for (const socket of this.#sockets.keys()) socket.destroy();
    }, deadline + LAST_BYTES);
  }

  /** Node closes new connections without a word where no descriptors are left: so one is tried. */
  #probe(): void {
    try {
      closeSync(openSync('/dev/null', 'r'));
    } catch (error) {
      const code = errorCode(error);
      if (code === 'EMFILE' || code === 'ENFILE') this.#exhausted.add(code);
    }
  }

  readonly #dropped = (peer?: { readonly remoteAddress?: string | undefined }): void =>
    this.#full.add(peer?.remoteAddress);

  readonly #take = (socket: Socket): void => {
    if (this.#allowed?.(socket.remoteAddress) === false) {
      this.#strange.add(socket.remoteAddress);
      socket.destroy();
      return;
    }
    if (this.#secured === undefined) this.#serve(socket);
    else this.#secured.take(socket);
  };

  readonly #serve = (socket: Socket): void => {
    this.#accept((owner) => {
      const connection = connectSocket(socket, this.#resolved, owner, this.#secured === undefined);
      this.#sockets.set(socket, connection);
      socket.on('close', this.#forget);
      return connection;
    });
  };
}

/** One listener for the ends of all sockets. */
function forgetIn(sockets: Map<Socket, unknown>): (this: Socket) => void {
  return function () {
    sockets.delete(this);
  };
}
