import { readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { eventually } from './eventually.js';

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
      const held = new Set(this.quarantined());
      return readdirSync(this.#dir).every((name) => held.has(name.slice(2)));
    });
  }

  /** The ids of the messages in quarantine. */
  quarantined(): string[] {
    return readdirSync(this.#dir)
      .filter((name) => name.startsWith('hf'))
      .map((name) => name.slice(2));
  }

  /** The lines of the control file of a message in quarantine. */
  control(id: string): string[] {
    return readFileSync(`${this.#dir}/hf${id}`, 'latin1').split('\n');
  }

  /** The body of a message. */
  body(id: string): string {
    return readFileSync(`${this.#dir}/df${id}`, 'latin1');
  }

  /** Deletes all messages in quarantine. */
  async clear(): Promise<void> {
    for (const id of this.quarantined()) {
      for (const kind of ['hf', 'df']) await rm(`${this.#dir}/${kind}${id}`, { force: true });
    }
  }
}
