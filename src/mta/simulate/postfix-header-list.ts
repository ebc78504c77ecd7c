import { afterColon, fieldLines, withoutBlank } from './field-bytes.js';
import { headerField, type HeaderField } from './header-field.js';
import type { HeaderList, RawField } from './header-list.js';

interface Entry extends RawField {
  readonly own: boolean;
}

/**
 * A header, changed as Postfix does it.
 *
 * Positions count the fields of the message as it is delivered, the MTA's own at its top included. The n-th of a name
 * counts those that were shown to the milter, from 1, and shifts when one of them is deleted; 0 is taken as 1, and one
 * beyond the last is added at the end. A changed field has its name as the milter spells it.
 */
export class PostfixHeaderList implements HeaderList {
  readonly #fields: Entry[];
  readonly #leadspc: boolean;

  /**
   * @param fields those of the client
   * @param own the MTA's own, which go on top of them and are not shown
   * @param leadspc whether a milter sees and writes the blank after the colon
   */
  constructor(fields: readonly RawField[], own: readonly RawField[], leadspc: boolean) {
    this.#fields = [
      ...own.map((field) => ({ ...field, own: true })),
      ...fields.map((field) => ({ ...field, own: false })),
    ];
    this.#leadspc = leadspc;
  }

  add(name: string, value: Uint8Array): void {
    this.#fields.push(this.#made(name, value));
  }

  insert(position: number, name: string, value: Uint8Array): void {
    this.#fields.splice(position, 0, this.#made(name, value));
  }

  change(n: number, name: string, value: Uint8Array): void {
    const wanted = name.toLowerCase();
    const shown = this.#fields.filter((field) => !field.own && field.name.toLowerCase() === wanted);
    const target = shown[Math.max(n, 1) - 1];
    const at = target === undefined ? -1 : this.#fields.indexOf(target);
    if (value.length === 0) {
      if (at !== -1) this.#fields.splice(at, 1);
    } else if (at === -1) {
      this.add(name, value);
    } else {
      this.#fields[at] = this.#made(name, value);
    }
  }

  shown(): RawField[] {
    return this.#fields
      .filter(({ own }) => !own)
      .map(({ name, raw }) => ({ name, raw: this.#leadspc ? raw : withoutBlank(raw) }));
  }

  list(): HeaderField[] {
    return this.#fields.map(({ name, raw }) => headerField(name, raw));
  }

  toBytes(): Buffer {
    return fieldLines(this.#fields);
  }

  #made(name: string, value: Uint8Array): Entry {
    return { name, raw: afterColon(value, this.#leadspc), own: false };
  }
}
