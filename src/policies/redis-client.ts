/**
 * What is needed of a client of Redis or Valkey: to send a command and to get its reply. The client of node-redis is
 * one as it is; others are made one by a line:
 *
 * @example const client = ioredis; // of the package ioredis, or iovalkey
 * redisKeys({ sendCommand: ([name = '', ...words]) => client.call(name, ...words) });
 * @example // A cluster of node-redis wants the key by itself, which is the third word after the command
 * redisKeys({ sendCommand: (words) => cluster.sendCommand(words[3], false, words) });
 */
export interface RedisClient {
  /**
   * Sends one command, word by word, of which `EVALSHA` and `EVAL` occur; resolves with the reply, rejects with an error
   * reply or when there is no connection. It should not queue what cannot be sent (node-redis: `disableOfflineQueue`;
   * ioredis: `enableOfflineQueue: false`): who asked does not wait for it any more.
   */
  sendCommand(words: string[]): Promise<unknown>;
}

/** How a server of Redis or Valkey is used. */
export interface RedisOptions {
  /** What every key begins with. Default `rxmilter:`. */
  readonly prefix?: string | undefined;
  /** How long a reply may take, in milliseconds, before the server counts as away. Default 2 000. */
  readonly timeout?: number | undefined;
  /**
   * How long, in milliseconds, after a reply that took too long nobody waits for another one: what is asked meanwhile
   * fails at once. After that one at a time asks whether the server is back. Default 1 000.
   */
  readonly pause?: number | undefined;
}
