import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

import { freePort } from './free-port.js';
import { sinkSession, type Transaction } from './sink-session.js';
import { within } from './within.js';

interface Waiting {
  readonly wants: (transaction: Transaction) => boolean;
  readonly take: (transaction: Transaction) => void;
}

/** An SMTP server on loopback that takes every message and keeps its exact bytes and its envelope. */
export class SmtpSink {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #kept: Transaction[] = [];
  #waiting: Waiting[] = [];

  private constructor(port: number) {
    this.port = port;
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      sinkSession(socket, (transaction) => this.#deliver(transaction));
    });
  }

  /** Starts a sink on a free port of 127.0.0.1. */
  static async start(): Promise<SmtpSink> {
    const sink = new SmtpSink(await freePort());
    sink.#server.listen(sink.port, '127.0.0.1');
    await once(sink.#server, 'listening');
    return sink;
  }

  /** The messages that have come and that nobody has taken. */
  get kept(): readonly Transaction[] {
    return this.#kept;
  }

  /** Takes the oldest message, waiting for it if need be. */
  next(): Promise<Transaction> {
    return this.waitFor(() => true);
  }

  /** Takes the oldest message that `wants` says yes to, waiting for it if need be. */
  waitFor(wants: (transaction: Transaction) => boolean): Promise<Transaction> {
    const found = this.#kept.find(wants);
    if (found !== undefined) {
      this.#kept = this.#kept.filter((transaction) => transaction !== found);
      return Promise.resolve(found);
    }
    const delivered = new Promise<Transaction>((take) => this.#waiting.push({ wants, take }));
    return within(delivered, () => `a message; ${this.#kept.length} others have come`);
  }

  /** Forgets all messages. */
  clear(): void {
    this.#kept = [];
    this.#waiting = [];
  }

  /** Ends all connections and stops listening. */
  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #deliver(transaction: Transaction): void {
    const waiting = this.#waiting.find(({ wants }) => wants(transaction));
    if (waiting === undefined) {
      this.#kept.push(transaction);
      return;
    }
    this.#waiting = this.#waiting.filter((other) => other !== waiting);
    waiting.take(transaction);
  }
}
