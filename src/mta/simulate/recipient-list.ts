import type { Path } from './mail.js';

/** How an MTA tells recipients apart. */
export interface RecipientRules {
  /** Recipients with the same one get the message once. */
  key(recipient: Required<Path>, by: 'client' | 'milter'): string;
  /** Whether a milter that names this address for deletion means that recipient. */
  means(address: string, recipient: Required<Path>): boolean;
  /** What becomes of one that was deleted and is added anew; by default it is as it is added. */
  again?(old: Required<Path>, added: Required<Path>): Required<Path>;
}

/** The recipients of a message, each once. */
export class RecipientList {
  readonly #rules: RecipientRules;
  #entries = new Map<string, Required<Path>>();
  readonly #removed = new Map<string, Required<Path>>();

  constructor(rules: RecipientRules, recipients: readonly Required<Path>[]) {
    this.#rules = rules;
    this.replace(recipients);
  }

  /** Has those of the client, and no others. */
  replace(recipients: readonly Required<Path>[]): void {
    this.#entries = new Map();
    this.#removed.clear();
    for (const recipient of recipients) this.#add(recipient, 'client');
  }

  /** Adds one that a milter wants; the null address is nobody. */
  add(recipient: Required<Path>): void {
    if (recipient.address === '') return;
    const old = this.#removed.get(this.#rules.key(recipient, 'milter'));
    this.#add(old === undefined ? recipient : (this.#rules.again?.(old, recipient) ?? recipient), 'milter');
  }

  /** Removes those that a milter means by this address. */
  remove(address: string): void {
    for (const [key, recipient] of this.#entries) {
      if (!this.#rules.means(address, recipient)) continue;
      this.#entries.delete(key);
      this.#removed.set(key, recipient);
    }
  }

  /** In the order in which they came. */
  list(): Required<Path>[] {
    return [...this.#entries.values()];
  }

  #add(recipient: Required<Path>, by: 'client' | 'milter'): void {
    const key = this.#rules.key(recipient, by);
    if (!this.#entries.has(key)) this.#entries.set(key, recipient);
  }
}
