import { createHash } from 'node:crypto';
import { asyncScheduler, defer, firstValueFrom, of, timeout } from 'rxjs';

import { checkOptions, milliseconds, number, string, type Rules } from '../common/options.js';
import { quote } from '../common/printable.js';
import { messageOf, textOf } from '../common/text-of.js';
import { boundedKey } from '../lookups/bounded-key.js';
import type { RedisClient, RedisOptions } from './redis-client.js';
import { StoreError } from './store-error.js';

const RULES: Rules<RedisOptions> = {
  prefix: string,
  timeout: milliseconds(1),
  pause: number(0, Infinity, 'milliseconds'),
};

const TOO_LATE = Symbol('too late');

/**
 * A script that runs in the server, where nothing comes between its commands: of two workers, one is first for both.
 *
 * It gets one key, as a cluster demands, and is sent whole only where the server does not know it (yet, or any more).
 * Time is the server's own, so that the clocks of the machines need not agree. Redis from version 5 on, and Valkey.
 */
export class RedisScript {
  readonly #client: RedisClient;
  readonly #text: string;
  readonly #sha: string;
  readonly #prefix: string;
  readonly #timeout: number;
  readonly #pause: number;
  /** Why nobody waits at present, since when, and for how long. */
  #hung: { readonly error: StoreError; since: number; pause: number } | undefined;

  constructor(what: string, client: RedisClient, text: string, options: RedisOptions) {
    if (typeof (client as Partial<RedisClient> | undefined)?.sendCommand !== 'function') {
      throw new TypeError(
        `${what}: the client has no function sendCommand. Give a client of node-redis, or { sendCommand: (words) => … }.`,
      );
    }
    checkOptions(what, options, RULES);
    const { prefix = 'rxmilter:', timeout: limit = 2_000, pause = 1_000 } = options;
    this.#client = client;
    this.#text = text;
    this.#sha = createHash('sha1').update(text).digest('hex');
    this.#prefix = prefix;
    this.#timeout = limit;
    this.#pause = pause;
  }

  /** Runs it; rejects with a `StoreError` where the reply is no number, or does not come. */
  async run(key: string, ...numbers: readonly number[]): Promise<number> {
    this.#checkHung();
    const words = ['1', this.#prefix + boundedKey(key), ...numbers.map(String)];
    let reply: unknown;
    try {
      reply = await firstValueFrom(
        defer(() => this.#send(words)).pipe(timeout({ first: this.#timeout, with: () => of(TOO_LATE) })),
      );
    } catch (cause) {
      // It speaks, if only of its troubles: the next one need not fear to wait.
      this.#hung = undefined;
      throw new StoreError(`Redis cannot be asked: ${messageOf(cause)}`, { cause });
    }
    if (reply === TOO_LATE) throw this.#late();
    this.#hung = undefined;
    // A number, a bigint or a text, as the client was told to give it.
    const number = /^-?\d+$/.test(textOf(reply)) ? Number(reply) : NaN;
    if (Number.isNaN(number)) throw new StoreError(`Redis replied ${quote(reply)}, which is no number.`);
    return number;
  }

  async #send(words: readonly string[]): Promise<unknown> {
    try {
      return await this.#client.sendCommand(['EVALSHA', this.#sha, ...words]);
    } catch (error) {
      if (!messageOf(error).startsWith('NOSCRIPT')) throw error;
      return this.#client.sendCommand(['EVAL', this.#text, ...words]);
    }
  }

  /** The first after a pause asks, and gives the others another pause: one waits, and the rest do not. */
  #checkHung(): void {
    if (this.#hung === undefined) return;
    const now = asyncScheduler.now();
    const { error, since, pause } = this.#hung;
    // A clock that was set back would make the pause last.
    if (now >= since && now < since + pause) throw error;
    this.#hung = { error, since: now, pause: this.#timeout + this.#pause };
  }

  #late(): StoreError {
    const error = new StoreError(`Redis did not reply within ${this.#timeout} ms.`);
    this.#hung = { error, since: asyncScheduler.now(), pause: this.#pause };
    return error;
  }
}
