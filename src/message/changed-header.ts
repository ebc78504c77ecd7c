import type { Text } from '../session/modifications.js';
import type { MtaName } from '../session/profiles/profile.js';
import { headerField, type HeaderField } from './header-field.js';

interface Entry {
  field: HeaderField;
  deleted: boolean;
}

/** A header that is being changed, in which all numbers and places count the fields as they were shown. */
export class ChangedHeader {
  readonly #mta: MtaName;
  readonly #leadingSpace: boolean;
  /** What is below the MTA's own `Received`, deleted fields included. */
  readonly #entries: Entry[];
  /** What is above it. */
  readonly #top: Entry[] = [];
  /** The fields of a name that were shown, in the order of their numbers. */
  readonly #named = new Map<string, Entry[]>();

  constructor(fields: readonly HeaderField[], mta: MtaName, leadingSpace: boolean) {
    this.#mta = mta;
    this.#leadingSpace = leadingSpace;
    this.#entries = fields.map(entryOf);
    for (const entry of this.#entries) this.#namesakes(entry.field.name).push(entry);
  }

  /** Gives the n-th of a name another value, if there is one. */
  change(name: string, n: number, value: Text): void {
    const old = this.#namesakes(name)[n - 1];
    if (old === undefined) return;
    // Sendmail keeps the spelling of the name.
    const field = this.#made(this.#mta === 'sendmail' ? old.field.name : name, value);
    old.field = old.field.top === true ? { ...field, top: true } : field;
  }

  /** Inserts a field before the n-th, at the end where there are fewer. */
  insert(n: number, name: string, value: Text): void {
    this.#entries.splice(n - 1, 0, entryOf(this.#made(name, value)));
  }

  /** Adds a field below all others. */
  append(name: string, value: Text): void {
    this.#entries.push(entryOf(this.#made(name, value)));
  }

  /** Adds a field above all others. */
  prepend(name: string, value: Text): void {
    this.#top.unshift(asTop(entryOf(this.#made(name, value))));
  }

  /** Deletes the n-th of a name, if there is one. */
  delete(name: string, n: number): void {
    const entry = this.#namesakes(name)[n - 1];
    if (entry !== undefined) entry.deleted = true;
  }

  /** What there is now. */
  fields(): HeaderField[] {
    return [...this.#top, ...this.#entries].flatMap(({ field, deleted }) => (deleted ? [] : [field]));
  }

  #namesakes(name: string): Entry[] {
    const key = name.toLowerCase();
    const known = this.#named.get(key);
    if (known !== undefined) return known;
    const none: Entry[] = [];
    this.#named.set(key, none);
    return none;
  }

  #made(name: string, value: Text): HeaderField {
    return headerField(name, value, this.#leadingSpace);
  }
}

function entryOf(field: HeaderField): Entry {
  return { field, deleted: false };
}

function asTop(entry: Entry): Entry {
  entry.field = { ...entry.field, top: true };
  return entry;
}
