import { readdirSync } from 'node:fs';

import { eventually } from './eventually.js';
import { POSTFIX } from './places.js';
import { run } from './run.js';

/** What `postqueue -j` tells about a message (the parts that are looked at here). */
export interface QueuedMessage {
  readonly queue_name: string;
  readonly queue_id: string;
  readonly sender: string;
  readonly recipients: readonly { readonly address: string }[];
}

/** The mail queue of one private Postfix. */
export class PostfixQueue {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** The messages that are in the queue now. */
  async list(): Promise<QueuedMessage[]> {
    const lines = (await run(`${POSTFIX.commands}/postqueue`, ['-c', `${this.#dir}/etc`, '-j']))
      .toString()
      .split('\n');
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as QueuedMessage);
  }

  /** Waits until no message is on its way any more; those on hold or deferred may stay. */
  async idle(): Promise<void> {
    await eventually('an idle mail queue', () =>
      ['maildrop', 'incoming', 'active'].every((name) => !this.#holds(name)),
    );
  }

  /** The message of that queue id, headers and body, as Postfix keeps it (lines end with LF). */
  async read(id: string): Promise<string> {
    return (await run(`${POSTFIX.commands}/postcat`, ['-c', `${this.#dir}/etc`, '-hbq', id])).toString(
      'latin1',
    );
  }

  /** How many messages it has taken and then found broken: they are not delivered, and nobody is told. */
  corrupt(): number {
    return readdirSync(`${this.#dir}/queue/corrupt`).length;
  }

  /** Deletes all messages on hold. */
  async clearHold(): Promise<void> {
    if (!this.#holds('hold')) return;
    await run(`${POSTFIX.commands}/postsuper`, ['-c', `${this.#dir}/etc`, '-d', 'ALL', 'hold']);
  }

  #holds(name: string): boolean {
    const entries = readdirSync(`${this.#dir}/queue/${name}`, { withFileTypes: true, recursive: true });
    return entries.some((entry) => entry.isFile());
  }
}
