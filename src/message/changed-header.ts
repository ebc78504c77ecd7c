import type { MtaName } from '../session/judge-mta.js';
import type { Text } from '../session/modification.js';
import { headerField, type HeaderField } from './header-field.js';

interface Entry {
  field: HeaderField;
  deleted: boolean;
  /** What Sendmail has added before it, since it was the first of its name; that moves no place. */
  readonly before: Entry[];
}

/** A header that is being changed, in which all numbers and places count the fields as they were shown. */
export class ChangedHeader {
  readonly #mta: MtaName;
  readonly #leadingSpace: boolean;
  /** What is below the MTA's own `Received`, deleted fields included. */
  readonly #entries: Entry[];
  /** What is above it. */
  readonly #top: Entry[] = [];
  /** The fields of a name in the order of their numbers: those that were shown, then those that changes have added. */
  readonly #named = new Map<string, Entry[]>();

  constructor(fields: readonly HeaderField[], mta: MtaName, leadingSpace: boolean) {
    this.#mta = mta;
    this.#leadingSpace = leadingSpace;
    this.#entries = fields.map(entryOf);
    for (const entry of this.#entries) this.#namesakes(entry.field.name).push(entry);
  }

  /** Gives the n-th of a name another value, or adds one where there are fewer. */
  change(name: string, n: number, value: Text): void {
    const namesakes = this.#namesakes(name);
    const old = namesakes[n - 1];
    if (old !== undefined) {
      // Sendmail keeps the spelling of the name.
      const field = this.#made(this.#mta === 'sendmail' ? old.field.name : name, value);
      old.field = old.field.top === true ? { ...field, top: true } : field;
      return;
    }
    const entry = entryOf(this.#made(name, value));
    const [first] = namesakes;
    namesakes.push(entry);
    if (this.#mta !== 'sendmail') this.#entries.push(entry);
    // The first Received is Sendmail's own.
    else if (name.toLowerCase() === 'received') this.#top.unshift(asTop(entry));
    else if (first !== undefined) first.before.unshift(entry);
    else this.#entries.push(entry);
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
    return [...this.#top, ...this.#entries].flatMap(fieldsAt);
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
  return { field, deleted: false, before: [] };
}

function asTop(entry: Entry): Entry {
  entry.field = { ...entry.field, top: true };
  return entry;
}

function fieldsAt({ field, deleted, before }: Entry): HeaderField[] {
  return [...before.flatMap(fieldsAt), ...(deleted ? [] : [field])];
}
