import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';

import { eventually } from './eventually.js';
import { POSTFIX } from './places.js';
import { run } from './run.js';

/** The log file of one private Postfix. */
export class Maillog {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** All lines that have been written so far. */
  lines(): string[] {
    const file = `${this.#dir}/maillog`;
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
  }

  /**
   * All lines that Postfix had logged when this was called.
   *
   * Postfix's programs send their lines to one logging process; a line of our own, sent last, marks the end.
   */
  async settled(): Promise<string[]> {
    const marker = `mark-${randomUUID()}`;
    await run(`${POSTFIX.commands}/postlog`, ['-c', `${this.#dir}/etc`, '-t', 'test', marker]);
    return eventually('the end of the log', () => {
      const lines = this.lines();
      return lines.some((line) => line.includes(marker)) && lines;
    });
  }

  /** Waits until every SMTP session has ended, with which the connections to the filters are closed. */
  async sessionsEnded(): Promise<void> {
    await eventually('the end of all SMTP sessions in the log', () => {
      const lines = this.lines();
      const count = (pattern: RegExp): number => lines.filter((line) => pattern.test(line)).length;
      return count(/smtpd\[\d+\]: connect from /) === count(/smtpd\[\d+\]: disconnect from /);
    });
  }
}
