import type { Path } from './mail.js';

/** How an MTA tells recipients apart. */
export interface RecipientRules {
  /** Recipients with the same key get the message once. */
  key(recipient: Required<Path>, by: 'client' | 'milter'): string;
  /** The recipient that a milter adds again after it was deleted; by default it is as it is added. */
  again?(old: Required<Path>, added: Required<Path>): Required<Path>;
}

/** The recipients of a message, each once. */
export class RecipientList {
  readonly #rules: RecipientRules;
  readonly #entries = new Map<string, Required<Path>>();
  readonly #removed = new Map<string, Required<Path>>();

  constructor(rules: RecipientRules, recipients: readonly Required<Path>[]) {
    this.#rules = rules;
    this.replace(recipients);
  }

  /** Has those of the client, and no others. */
  replace(recipients: readonly Required<Path>[]): void {
    this.#entries.clear();
    this.#removed.clear();
    for (const recipient of recipients) this.#add(recipient, 'client');
  }

  /** Adds a recipient that a milter wants; a null address adds none. */
  add(recipient: Required<Path>): void {
    if (recipient.address === '') return;
    const old = this.#removed.get(this.#rules.key(recipient, 'milter'));
    this.#add(old === undefined ? recipient : (this.#rules.again?.(old, recipient) ?? recipient), 'milter');
  }

  /** Removes the recipients with this address, which both MTAs compare byte for byte. */
  remove(address: string): void {
    for (const [key, recipient] of this.#entries) {
      if (address !== recipient.address) continue;
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

/** The value of an ESMTP argument, such as that of `ORCPT`. */
export function argumentOf(name: string, args: readonly string[]): string | undefined {
  return args.find((arg) => arg.toUpperCase().startsWith(`${name}=`))?.slice(name.length + 1);
}
