import { readFileSync } from 'node:fs';

/** What one private Sendmail has logged; every line is there before the process that wrote it goes on. */
export class SendmailLog {
  readonly #file: string;

  constructor(dir: string) {
    this.#file = `${dir}/log`;
  }

  /** All lines so far. */
  lines(): string[] {
    return readFileSync(this.#file, 'utf8').split('\n').slice(0, -1);
  }
}
