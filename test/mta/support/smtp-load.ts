import { eventually } from './eventually.js';
import type { CommonListener, MtaBench } from './mta-bench.js';

/** Clients that send one message after the other, each on a connection of its own, until they are stopped. */
export class SmtpLoad {
  /** Last answer to each message, by the number that it carries as its subject. */
  readonly replies = new Map<string, string>();
  readonly #clients: Promise<unknown>;
  #stopped = false;
  #failure: Error | undefined;

  constructor(bench: MtaBench, listener: CommonListener, clients: number) {
    const send = async (name: number): Promise<void> => {
      for (let count = 1; !this.#stopped; count++) {
        const subject = `${name}.${count}`;
        const client = await bench.greeted(listener);
        const reply = await client.deliver({ data: `Subject: ${subject}\r\n\r\nThe body.\r\n` });
        this.replies.set(subject, reply);
        if (!reply.startsWith('421')) await client.quit(); // after 421 the server closes of its own accord
      }
    };
    this.#clients = Promise.all(Array.from({ length: clients }, (_none, name) => send(name)));
    this.#clients.catch((error: unknown) => {
      this.#failure = new Error('a client of the load has failed', { cause: error });
    });
  }

  /** How many messages got an answer that begins like this so far. Throws when a client has failed to go on. */
  count(kind: string): number {
    if (this.#failure !== undefined) throw this.#failure;
    return [...this.replies.values()].filter((reply) => reply.startsWith(kind)).length;
  }

  /** Waits until so many more messages have got such an answer. */
  async more(count: number, kind: string): Promise<void> {
    const goal = this.count(kind) + count;
    await eventually(`${count} more answers like ${kind}xx`, () => this.count(kind) >= goal);
  }

  /** Lets each client finish its message. Rejects when one has failed to. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#clients;
  }
}
