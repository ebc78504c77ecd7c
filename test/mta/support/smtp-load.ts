import { setTimeout } from 'node:timers/promises';

import { eventually } from './eventually.js';
import type { CommonListener, MtaBench } from './mta-bench.js';
import type { Letter } from './smtp-client.js';

/** How long a client waits when its message was deferred, in milliseconds. */
const DEFERRED = 100;

/** What the clients of a load do otherwise than by default. */
export interface LoadOptions {
  /** The envelope of the message of that number. Default: always the same one. */
  readonly envelope?: (subject: string) => Omit<Letter, 'data'>;
  /** Whether a message that was put off is sent again, until it is taken or refused, as mail servers do. Default: no. */
  readonly patient?: boolean;
}

/** Clients that send one message after the other, each on a connection of its own, until they are stopped. */
export class SmtpLoad {
  /** Last answer to each message, by the number that it carries as its subject. */
  readonly replies = new Map<string, string>();
  /** Every answer, in order. */
  readonly answers: string[] = [];
  readonly #bench: MtaBench;
  readonly #listener: CommonListener;
  readonly #options: LoadOptions;
  readonly #clients: Promise<unknown>;
  #stopped = false;
  #patient: boolean;
  #failure: Error | undefined;

  constructor(bench: MtaBench, listener: CommonListener, clients: number, options: LoadOptions = {}) {
    this.#bench = bench;
    this.#listener = listener;
    this.#options = options;
    this.#patient = options.patient ?? false;
    const send = async (name: number): Promise<void> => {
      for (let count = 1; !this.#stopped; count++) await this.#send(`${name}.${count}`);
    };
    this.#clients = Promise.all(Array.from({ length: clients }, (_none, name) => send(name)));
    this.#clients.catch((error: unknown) => {
      this.#failure = new Error('a client of the load has failed', { cause: error });
    });
  }

  /** How many messages have got such a last answer so far. Throws when a client has failed to go on. */
  count(kind: string | RegExp): number {
    return this.#matching([...this.replies.values()], kind);
  }

  /** Waits until so many more messages have such a last answer. */
  async more(count: number, kind: string | RegExp): Promise<void> {
    const goal = this.count(kind) + count;
    await eventually(`${count} more messages with ${String(kind)}`, () => this.count(kind) >= goal);
  }

  /** Waits until there are so many more such answers, the same message's among them. */
  async moreAnswers(count: number, kind: string | RegExp): Promise<void> {
    const goal = this.#matching(this.answers, kind) + count;
    await eventually(
      `${count} more answers with ${String(kind)}`,
      () => this.#matching(this.answers, kind) >= goal,
    );
  }

  /** Lets each client finish its message. Rejects when one has failed to. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#clients;
  }

  /** The same, without patience: for the end of a test that has failed, too. */
  async abandon(): Promise<void> {
    this.#patient = false;
    this.#stopped = true;
    await this.#clients.catch(() => undefined);
  }

  async #send(subject: string): Promise<void> {
    const { envelope } = this.#options;
    let reply: string;
    do {
      const client = await this.#bench.greeted(this.#listener);
      reply = await client.deliver({
        ...envelope?.(subject),
        data: `Subject: ${subject}\r\n\r\nThe body.\r\n`,
      });
      this.replies.set(subject, reply);
      this.answers.push(reply);
      if (!reply.startsWith('421')) await client.quit(); // after 421 the server closes of its own accord
      // A mail server tries again later, too; without a pause the load alone keeps the filter from coming back.
      if (reply.startsWith('4')) await setTimeout(DEFERRED);
    } while (this.#patient && reply.startsWith('4'));
  }

  #matching(replies: readonly string[], kind: string | RegExp): number {
    if (this.#failure !== undefined) throw this.#failure;
    return replies.filter((reply) => (typeof kind === 'string' ? reply.startsWith(kind) : kind.test(reply)))
      .length;
  }
}
