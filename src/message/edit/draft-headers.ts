import { quote } from '../../common/printable.js';
import { checkHeaderIndex, checkHeaderName, mendedValue } from '../../session/check-text.js';
import { AnswerError } from '../../session/errors.js';
import type { Text } from '../../session/modifications.js';
import { headerField, type HeaderField } from '../headers/header-field.js';
import { Headers } from '../headers/headers.js';
import { encodeText } from '../headers/mime-words.js';
import { type DraftState, checkOpen } from './draft-state.js';

/**
 * A header that is being changed; see `edit()`.
 *
 * @remarks
 * Values are text without the blank after the colon, or bytes as they stand in `raw`; they may be folded. A field is never
 * changed itself: what takes its place is another, which the method returns. A name, a value or an index that a header
 * cannot have is an AnswerError.
 *
 * @example
 * edit(message, ({ headers }) => {
 *   headers.setText('Subject', `[external] ${headers.text('Subject') ?? ''}`);
 *   headers.delete('X-Spam');
 *   headers.prepend('X-Checked-By', 'mx.example.org');
 * });
 */
export class DraftHeaders extends Headers {
  readonly #leadingSpace: boolean;

  readonly #state: DraftState;

  constructor(fields: readonly HeaderField[], leadingSpace: boolean, state: DraftState = { closed: false }) {
    super(fields);
    this.#leadingSpace = leadingSpace;
    this.#state = state;
  }

  /**
   * Gives the n-th field of a name, from 1, another value; where there are fewer, a field is appended.
   *
   * @remarks
   * The field keeps its place and the spelling of its name. With an empty value it stays, and is empty.
   */
  set(name: string, value: Text, n = 1): HeaderField {
    return this.#set('draft.headers.set', name, value, n);
  }

  /**
   * Gives the n-th field of a name, from 1, text for people, encoded where necessary.
   *
   * @remarks
   * The words from the first that has to be encoded to the last are (RFC 2047, in UTF-8), and lines are folded at 76
   * characters. For fields of free text, such as `Subject`: in `From`, say, some words may not be encoded. `text()` gives
   * the text back, but control characters and line breaks are blanks, and half a surrogate pair is U+FFFD.
   *
   * @throws Error where the optional package `libmime` is not installed, whether something has to be encoded or not
   */
  setText(name: string, text: string, n = 1): HeaderField {
    const what = 'draft.headers.setText';
    checkHeaderName(what, name);
    if (typeof text !== 'string') throw new AnswerError(`${what} ${name}: ${String(text)} is not a string.`);
    return this.#set(what, name, encodeText(`${what}()`, name, text), n);
  }

  #set(what: string, name: string, value: Text, n: number): HeaderField {
    checkHeaderIndex(`${what} ${name}`, n);
    const made = this.#make(what, name, value);
    const old = this.field(name, n);
    if (old === undefined) return this.#insert(this.length, made);
    if (old.raw.length === made.raw.length && Buffer.compare(old.raw, made.raw) === 0) return old;
    const field: HeaderField = { ...old, value: made.value, raw: made.raw };
    const fields = this.writable();
    fields[fields.indexOf(old)] = field;
    return field;
  }

  /** Adds a field below all others. */
  append(name: string, value: Text): HeaderField {
    return this.#insert(this.length, this.#make('draft.headers.append', name, value));
  }

  /** Adds a field above all others and above the MTA's own `Received`, as trace fields are (RFC 5321, 4.4). */
  prepend(name: string, value: Text): HeaderField {
    return this.#insert(0, { ...this.#make('draft.headers.prepend', name, value), top: true });
  }

  /**
   * Adds a field just above one of the draft: below the MTA's own `Received`, unless that one was prepended.
   *
   * @throws AnswerError where the field is not in the draft (any more)
   */
  insertBefore(field: HeaderField, name: string, value: Text): HeaderField {
    return this.#insertAt('draft.headers.insertBefore', field, 0, name, value);
  }

  /**
   * Adds a field just below one of the draft.
   *
   * @throws AnswerError where the field is not in the draft (any more)
   */
  insertAfter(field: HeaderField, name: string, value: Text): HeaderField {
    return this.#insertAt('draft.headers.insertAfter', field, 1, name, value);
  }

  /** Deletes the n-th field of a name, from 1, or without a number all of them; returns how many. */
  delete(name: string, n?: number): number;
  /** Deletes one field, which may be gone already. */
  delete(field: HeaderField): number;
  delete(which: string | HeaderField, n?: number): number {
    if (n !== undefined) checkHeaderIndex('draft.headers.delete', n);
    const found = this.#found(which, n);
    // From the last on, which moves the fewest of the others.
    for (const field of [...found].reverse()) {
      const fields = this.writable();
      fields.splice(fields.lastIndexOf(field), 1);
    }
    return found.length;
  }

  #found(which: string | HeaderField, n: number | undefined): readonly HeaderField[] {
    if (typeof which !== 'string') return this.fields().filter((field) => field === which);
    checkHeaderName('draft.headers.delete', which);
    if (n === undefined) return this.fields(which);
    const field = this.field(which, n);
    return field === undefined ? [] : [field];
  }

  #make(what: string, name: string, value: Text): HeaderField {
    checkHeaderName(what, name);
    const { value: checked, fault } = mendedValue(`${what} ${name}`, value);
    if (fault !== undefined) this.#state.flaw ??= new AnswerError(fault);
    const written = typeof checked === 'string' && this.#leadingSpace ? ` ${checked}` : checked;
    return headerField(name, written, this.#leadingSpace);
  }

  protected override writable(): HeaderField[] {
    checkOpen(this.#state);
    return super.writable();
  }

  #insert(index: number, field: HeaderField): HeaderField {
    const fields = this.writable();
    // All fields above one that is above everything are so, too.
    const made: HeaderField = fields[index]?.top === true ? { ...field, top: true } : field;
    fields.splice(index, 0, made);
    return made;
  }

  #insertAt(what: string, field: HeaderField, further: 0 | 1, name: string, value: Text): HeaderField {
    const index = this.fields().indexOf(field);
    if (index !== -1) return this.#insert(index + further, this.#make(what, name, value));
    throw new AnswerError(
      `${what}: the field ${quote(field.name)} is not in this draft. It may have been changed or deleted ` +
        'since it was looked up: look it up again, with draft.headers.field(name, n).',
    );
  }
}
