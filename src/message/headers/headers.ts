import { checkHeaderIndex } from '../../session/check-text.js';
import { addressReader, type HeaderAddress } from './header-address.js';
import { unfold, type HeaderField } from './header-field.js';
import { wordsDecoder } from './mime-words.js';
import { parseDate } from './parse-date.js';

/**
 * The header of a message: its fields in order, found by name in any case.
 *
 * @remarks
 * Nothing that a mail can hold makes a method throw. An index that is no whole number from 1 does (AnswerError).
 *
 * @example
 * headers.get('Subject'); // '=?utf-8?Q?Gr=C3=BC=C3=9Fe?='
 * headers.text('Subject'); // 'Grüße'
 * headers.addresses('From').map(({ domain }) => domain); // ['example.org']
 */
export class Headers implements Iterable<HeaderField> {
  #fields: HeaderField[];
  /** Whether other code has the array, so that it must not be changed. */
  #given = true;

  constructor(fields: readonly HeaderField[]) {
    this.#fields = fields as HeaderField[];
  }

  /** How many fields there are. */
  get length(): number {
    return this.#fields.length;
  }

  /** The fields in order, as they are now: later changes are not seen. */
  [Symbol.iterator](): Iterator<HeaderField> {
    return this.fields()[Symbol.iterator]();
  }

  /** The fields of a name, in order; without a name all of them. */
  fields(name?: string): readonly HeaderField[] {
    if (name !== undefined) return this.#fields.filter(named(name));
    this.#given = true;
    return this.#fields;
  }

  /** The n-th field of a name, from 1, or `undefined`. */
  field(name: string, n = 1): HeaderField | undefined {
    checkHeaderIndex(`headers ${name}`, n);
    const matches = named(name);
    let left = n;
    return this.#fields.find((field) => matches(field) && --left === 0);
  }

  /**
   * The value of the n-th field of a name, from 1, unfolded (RFC 5322, 2.2.3), or `undefined`.
   *
   * @remarks
   * Nothing is decoded, see `text()`; nothing is trimmed.
   */
  get(name: string, n = 1): string | undefined {
    const field = this.field(name, n);
    return field && unfold(field.value);
  }

  /** What `get()` gives, of all fields of the name, in order. */
  getAll(name: string): string[] {
    return this.fields(name).map(({ value }) => unfold(value));
  }

  /** Whether there is a field of the name. */
  has(name: string): boolean {
    return this.#fields.some(named(name));
  }

  /** How many fields of the name there are. */
  count(name: string): number {
    return this.fields(name).length;
  }

  /**
   * The value of the n-th field of a name for people, with encoded words (RFC 2047) decoded.
   *
   * @remarks
   * Broken words stay as they are, bytes that cannot be decoded become U+FFFD, encoded control characters and line breaks
   * become blanks: the text may be written into a header again.
   *
   * @throws Error where the optional package `libmime` is not installed, whether the field is there or not
   */
  text(name: string, n = 1): string | undefined {
    const decode = wordsDecoder('headers.text()');
    const value = this.get(name, n);
    return value === undefined ? undefined : decode(value);
  }

  /**
   * The addresses in all fields of a name, in order: `From`, `To`, `Cc` and their like.
   *
   * @remarks
   * Read by RFC 5322 (3.4) and RFC 6532, groups taken apart, names without an address left out. Of a value that is no
   * list of addresses it gives what the parser of nodemailer makes of it: other programs may read it in another way.
   *
   * @throws Error where one of the optional packages `nodemailer` and `libmime` is not installed, field or not
   */
  addresses(name: string): HeaderAddress[] {
    const read = addressReader('headers.addresses()');
    return this.getAll(name).flatMap((value) => read(value));
  }

  /**
   * The time in the first field of a name, or `undefined` without a field or a valid date.
   *
   * @remarks
   * Read by RFC 5322 (3.3 and 4.3). A zone that is missing or unknown is taken for UTC; the day of the week is ignored.
   */
  date(name = 'Date'): Date | undefined {
    const value = this.get(name);
    return value === undefined ? undefined : parseDate(value);
  }

  /** The fields, to be changed in place: not the array that `fields()` has given. */
  protected writable(): HeaderField[] {
    if (this.#given) this.#fields = [...this.#fields];
    this.#given = false;
    return this.#fields;
  }
}

function named(name: string): (field: HeaderField) => boolean {
  const lower = name.toLowerCase();
  return (field) =>
    field.name === name || (field.name.length === name.length && field.name.toLowerCase() === lower);
}
