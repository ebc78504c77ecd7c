import type { HeaderField } from './header-field.js';

/** The header of a message: its fields in order, found by name in any case. */
export class Headers implements Iterable<HeaderField> {
  readonly #fields: readonly HeaderField[];

  constructor(fields: readonly HeaderField[]) {
    this.#fields = fields;
  }

  [Symbol.iterator](): Iterator<HeaderField> {
    return this.#fields[Symbol.iterator]();
  }
}
