import { afterColon, fieldLines, withoutBlank } from './field-bytes.js';
import { headerField, type HeaderField } from './header-field.js';
import type { HeaderList, RawField } from './header-list.js';

/** A place in Sendmail's list; it stays there when the field is deleted. */
interface Entry {
  readonly name: string;
  raw: Buffer;
  /** Of the client or of a milter, of the MTA itself, or a place that the configuration keeps for a field. */
  kind: 'given' | 'received' | 'default' | 'place';
  deleted: boolean;
}

/** What the standard configuration has before the fields of a message, in its order. */
const CONFIGURED = [
  'Resent-Date',
  'Date',
  'Resent-From',
  'From',
  'Full-Name',
  'Resent-Message-Id',
  'Message-Id',
];
/** Fields that no mailer of the standard configuration writes. */
const NEVER_WRITTEN = new Set(['return-path', 'resent-date', 'full-name']);

/**
 * A header, changed as Sendmail 8.17 does it with its standard configuration.
 *
 * Its list begins with eight entries of its own: `Received`, and seven of the configuration, of which only those are
 * visible (`Date`, `From`, `Message-Id`) that the client did not send. Positions count this list, deleted entries
 * included. What is added stands before the first of its name; where the MTA has made that field itself, in its place.
 * The n-th of a name counts what the client sent and milters added; deletions renumber nothing; a changed field keeps
 * its spelling.
 */
export class SendmailHeaderList implements HeaderList {
  readonly #entries: Entry[];
  readonly #leadspc: boolean;

  /**
   * @param fields those of the client
   * @param own `Received`, and what the MTA would make of `Date`, `From` and `Message-Id`
   * @param leadspc whether a milter sees and writes the blank after the colon
   */
  constructor(fields: readonly RawField[], own: readonly RawField[], leadspc: boolean) {
    const sent = new Set(fields.map(({ name }) => key(name)));
    const made = new Map(own.map(({ name, raw }) => [key(name), raw]));
    const received = { name: 'Received', raw: made.get('received') ?? Buffer.alloc(0) };
    this.#entries = [
      { ...received, kind: 'received', deleted: false },
      ...CONFIGURED.map((name): Entry => {
        const raw = sent.has(key(name)) ? undefined : made.get(key(name));
        const kind = raw === undefined ? 'place' : 'default';
        return { name, raw: raw ?? Buffer.alloc(0), kind, deleted: false };
      }),
      ...fields.map(({ name, raw }): Entry => ({ name, raw, kind: 'given', deleted: false })),
    ];
    this.#leadspc = leadspc;
  }

  add(name: string, value: Uint8Array): void {
    const at = this.#entries.findIndex((entry) => key(entry.name) === key(name));
    const first = this.#entries[at];
    if (first?.kind === 'default') {
      first.raw = afterColon(value, this.#leadspc);
      first.deleted = false;
    } else {
      this.#entries.splice(at === -1 ? this.#entries.length : at, 0, this.#made(name, value));
    }
  }

  insert(position: number, name: string, value: Uint8Array): void {
    this.#entries.splice(position, 0, this.#made(name, value));
  }

  change(n: number, name: string, value: Uint8Array): void {
    const named = this.#entries.filter((entry) => key(entry.name) === key(name));
    const target =
      named.filter(({ kind }) => kind === 'given')[Math.max(n, 1) - 1] ??
      named.find(({ kind }) => kind === 'default');
    if (target !== undefined) {
      target.deleted = value.length === 0;
      if (!target.deleted) target.raw = afterColon(value, this.#leadspc);
    } else if (value.length > 0) {
      this.add(name, value);
    }
  }

  shown(): RawField[] {
    return this.#entries
      .filter(({ kind, deleted }) => kind === 'given' && !deleted)
      .map(({ name, raw }) => ({ name, raw: this.#leadspc ? raw : withoutBlank(raw) }));
  }

  list(): HeaderField[] {
    return this.#delivered().map(({ name, raw }) => headerField(name, raw));
  }

  toBytes(): Buffer {
    return fieldLines(this.#delivered());
  }

  #delivered(): Entry[] {
    return this.#entries.filter(
      ({ name, kind, deleted }) => kind !== 'place' && !deleted && !NEVER_WRITTEN.has(key(name)),
    );
  }

  #made(name: string, value: Uint8Array): Entry {
    return { name, raw: afterColon(value, this.#leadspc), kind: 'given', deleted: false };
  }
}

function key(name: string): string {
  return name.toLowerCase();
}
