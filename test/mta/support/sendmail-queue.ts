import { readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';

import { eventually } from './eventually.js';
import type { HeldMessage } from './mta-bench.js';

/** A message in quarantine, and why it is there. */
export interface QuarantinedMessage extends HeldMessage {
  readonly reason: string;
}

/**
 * The mail queue of one private Sendmail: a directory with a file for the envelope and the headers of each message (`qf`,
 * or `hf` in quarantine) and one for its body (`df`).
 */
export class SendmailQueue {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = `${dir}/queue`;
  }

  /** Waits until no message is on its way any more; those in quarantine may stay. */
  async idle(): Promise<void> {
    await eventually('an idle mail queue', () => {
      const held = new Set(this.#held());
      return readdirSync(this.#dir).every((name) => held.has(name.slice(2)));
    });
  }

  /** The messages in quarantine. */
  quarantined(): QuarantinedMessage[] {
    return this.#held().map((id) => {
      const control = this.#read(`hf${id}`);
      const body = this.#read(`df${id}`);
      // a letter for what a line is; what begins with white space goes on with the line before
      const lines = control.split(/\n(?![ \t])/);
      const all = (kind: string): string[] =>
        lines.filter((line) => line.startsWith(kind)).map((line) => line.slice(1));
      const address = (text: string): string => text.replace(/^.*<(.*)>.*$/, '$1');
      return {
        reason: all('q').join(),
        sender: address(all('S').join()),
        recipients: all('R').map(address).sort(),
        // H?flags?Name: value
        message: `${all('H')
          .map((line) => line.replace(/^\?[^?]*\?/, ''))
          .join('\n')}\n\n${body}`,
      };
    });
  }

  /** Deletes all messages in quarantine. */
  async clear(): Promise<void> {
    for (const id of this.#held())
      for (const kind of ['hf', 'df']) await rm(`${this.#dir}/${kind}${id}`, { force: true });
  }

  #held(): string[] {
    return readdirSync(this.#dir)
      .filter((name) => name.startsWith('hf'))
      .map((name) => name.slice(2));
  }

  #read(name: string): string {
    return readFileSync(`${this.#dir}/${name}`, 'latin1');
  }
}
