import { checkHeaderIndex } from '../session/check-text.js';
import type { HeaderField } from './header-field.js';
import { unfold } from './unfold.js';

/** The header of a message: its fields in order, found by name in any case. */
export class Headers implements Iterable<HeaderField> {
  #fields: readonly HeaderField[];

  constructor(fields: readonly HeaderField[]) {
    this.#fields = fields;
  }

  /** How many fields there are. */
  get length(): number {
    return this.#fields.length;
  }

  /** The fields in order. Changes made meanwhile are not seen. */
  [Symbol.iterator](): Iterator<HeaderField> {
    return this.#fields[Symbol.iterator]();
  }

  /** The fields of a name, in order; without a name all of them. */
  fields(name?: string): readonly HeaderField[] {
    return name === undefined ? this.#fields : this.#fields.filter(named(name));
  }

  /** The n-th field of a name, from 1. */
  field(name: string, n = 1): HeaderField | undefined {
    checkHeaderIndex(`headers ${name}`, n);
    const matches = named(name);
    let left = n;
    return this.#fields.find((field) => matches(field) && --left === 0);
  }

  /** The value of the n-th field of a name, unfolded. */
  get(name: string, n = 1): string | undefined {
    const field = this.field(name, n);
    return field && unfold(field.value);
  }

  getAll(name: string): string[] {
    return this.fields(name).map(({ value }) => unfold(value));
  }

  has(name: string): boolean {
    return this.#fields.some(named(name));
  }

  count(name: string): number {
    return this.fields(name).length;
  }

  /** Puts other fields in place of these. @internal */
  protected assign(fields: readonly HeaderField[]): void {
    this.#fields = fields;
  }
}

/** Whether a field has the name, in any case. */
function named(name: string): (field: HeaderField) => boolean {
  const lower = name.toLowerCase();
  return (field) =>
    field.name === name || (field.name.length === name.length && field.name.toLowerCase() === lower);
}
