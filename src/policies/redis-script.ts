import { createHash } from 'node:crypto';
import { asyncScheduler, defer, firstValueFrom, of, timeout } from 'rxjs';

import { checkOptions, milliseconds, number, string, type Rules } from '../common/options.js';
import { quote } from '../common/printable.js';
import { messageOf, textOf } from '../common/text-of.js';
import { boundedKey } from '../lookups/expiring-map.js';
import { StoreError } from './stores.js';

/**
 * The one function that is needed of a client of Redis or Valkey: send a command, and get its reply.
 *
 * @remarks The client of node-redis has it; others take a line. The client is yours: connect it, listen to its errors,
 *   close it. It should not queue commands that cannot be sent (node-redis: `disableOfflineQueue`; ioredis:
 *   `enableOfflineQueue: false`).
 * @example const client = ioredis; // of the package ioredis, or iovalkey
 * redisKeys({ sendCommand: ([name = '', ...words]) => client.call(name, ...words) });
 * @example // A cluster of node-redis wants the key by itself, which is the third word after the command
 * redisKeys({ sendCommand: (words) => cluster.sendCommand(words[3], false, words) });
 */
export interface RedisClient {
  /** Sends one command, `EVALSHA` or `EVAL`, word by word; rejects for a reply that is an error. */
  sendCommand(words: string[]): Promise<unknown>;
}

/** How a server of Redis or Valkey is used; everything has a default. Times are in milliseconds. */
export interface RedisOptions {
  /** The beginning of every key. Default `rxmilter:`. */
  readonly prefix?: string | undefined;
  /** How long a reply may take before the server counts as unavailable. Default 2 000. */
  readonly timeout?: number | undefined;
  /** How long after a timeout calls fail at once; then one at a time tries again. Default 1 000. */
  readonly pause?: number | undefined;
}

const RULES: Rules<RedisOptions> = {
  prefix: string,
  timeout: milliseconds(1),
  pause: number(0, Infinity, 'milliseconds'),
};

const LATE = Symbol('late');

/** The server's time, so that the clocks of the machines need not agree. */
const NOW = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)`;

/**
 * Runs a script in the server, where no other command comes between its own: of two workers, one is first for both.
 *
 * The script has the time as `now`, and one key, as a cluster demands. Its text is sent only where the server does not
 * know it. Redis from version 5 on, and Valkey.
 */
export class RedisScript {
  readonly #client: RedisClient;
  readonly #text: string;
  readonly #sha: string;
  readonly #prefix: string;
  readonly #timeout: number;
  readonly #pause: number;
  /** The last timeout, and the time in which calls fail at once. */
  #paused: { readonly error: StoreError; readonly since: number; readonly length: number } | undefined;

  constructor(where: string, client: RedisClient, text: string, options: RedisOptions) {
    if (typeof (client as Partial<RedisClient> | undefined)?.sendCommand !== 'function') {
      throw new TypeError(
        `${where}: the client has no function sendCommand. Give a client of node-redis, or { sendCommand: (words) => … }.`,
      );
    }
    checkOptions(where, options, RULES);
    this.#client = client;
    this.#text = NOW + text;
    this.#sha = createHash('sha1').update(this.#text).digest('hex');
    this.#prefix = options.prefix ?? 'rxmilter:';
    this.#timeout = options.timeout ?? 2_000;
    this.#pause = options.pause ?? 1_000;
  }

  /** Runs it; rejects with a `StoreError` where the reply is no number, or does not come in time. */
  async run(key: string, ...numbers: readonly number[]): Promise<number> {
    this.#checkPause();
    const words = ['1', this.#prefix + boundedKey(key), ...numbers.map(String)];
    let reply: unknown;
    try {
      const limit = timeout({ first: this.#timeout, with: () => of(LATE) });
      reply = await firstValueFrom(defer(() => this.#send(words)).pipe(limit));
    } catch (cause) {
      // An error is a reply, too: the next call need not fear a timeout.
      this.#paused = undefined;
      throw new StoreError(`Redis cannot be asked: ${messageOf(cause)}`, { cause });
    }
    if (reply === LATE) {
      const error = new StoreError(`Redis did not reply within ${this.#timeout} ms.`);
      this.#paused = { error, since: asyncScheduler.now(), length: this.#pause };
      throw error;
    }
    this.#paused = undefined;
    // A number, a bigint or a text, depending on the client's configuration.
    if (/^-?\d+$/.test(textOf(reply))) return Number(reply);
    throw new StoreError(`Redis replied ${quote(reply)}, which is no number.`);
  }

  async #send(words: readonly string[]): Promise<unknown> {
    try {
      return await this.#client.sendCommand(['EVALSHA', this.#sha, ...words]);
    } catch (error) {
      if (!messageOf(error).startsWith('NOSCRIPT')) throw error;
      return this.#client.sendCommand(['EVAL', this.#text, ...words]);
    }
  }

  /** The first call after a pause goes through, and begins another pause for the rest while it waits. */
  #checkPause(): void {
    if (this.#paused === undefined) return;
    const now = asyncScheduler.now();
    const { error, since, length } = this.#paused;
    // A clock that was set back would make the pause last.
    if (now >= since && now < since + length) throw error;
    this.#paused = { error, since: now, length: this.#timeout + this.#pause };
  }
}
