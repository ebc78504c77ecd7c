import { AnswerError } from '../session/answer-error.js';
import { checkHeaderIndex, checkHeaderName, headerValue } from '../session/check-text.js';
import type { Text } from '../session/modification.js';
import { headerField, type HeaderField } from './header-field.js';
import { Headers } from './headers.js';

/** A header that is being changed. */
export class DraftHeaders extends Headers {
  readonly #original: readonly HeaderField[];
  readonly #leadingSpace: boolean;

  constructor(fields: readonly HeaderField[], leadingSpace: boolean) {
    super(fields);
    this.#original = fields;
    this.#leadingSpace = leadingSpace;
  }

  /** Whether anything was changed at all. @internal */
  get touched(): boolean {
    return this.fields() !== this.#original;
  }

  set(name: string, value: Text, n = 1): HeaderField {
    const what = 'draft.headers.set';
    checkHeaderIndex(`${what} ${name}`, n);
    const made = this.#make(what, name, value);
    const old = this.field(name, n);
    if (old === undefined) return this.#insert(this.length, made);
    if (Buffer.compare(old.raw, made.raw) === 0) return old;
    const field: HeaderField = { ...old, value: made.value, raw: made.raw };
    this.assign(this.fields().map((other) => (other === old ? field : other)));
    return field;
  }

  append(name: string, value: Text): HeaderField {
    return this.#insert(this.length, this.#make('draft.headers.append', name, value));
  }

  prepend(name: string, value: Text): HeaderField {
    return this.#insert(0, { ...this.#make('draft.headers.prepend', name, value), top: true });
  }

  insertBefore(field: HeaderField, name: string, value: Text): HeaderField {
    const what = 'draft.headers.insertBefore';
    return this.#insert(this.#place(what, field), this.#make(what, name, value));
  }

  insertAfter(field: HeaderField, name: string, value: Text): HeaderField {
    const what = 'draft.headers.insertAfter';
    return this.#insert(this.#place(what, field) + 1, this.#make(what, name, value));
  }

  delete(name: string, n?: number): number {
    if (n !== undefined) checkHeaderIndex(`draft.headers.delete ${name}`, n);
    const gone = new Set(n === undefined ? this.fields(name) : [this.field(name, n)]);
    const left = this.fields().filter((field) => !gone.has(field));
    const deleted = this.length - left.length;
    if (deleted > 0) this.assign(left);
    return deleted;
  }

  #make(what: string, name: string, value: Text): HeaderField {
    checkHeaderName(what, name);
    const checked = headerValue(`${what} ${name}`, value);
    const written = typeof checked === 'string' && this.#leadingSpace ? ` ${checked}` : checked;
    return headerField(name, written, this.#leadingSpace);
  }

  #insert(index: number, field: HeaderField): HeaderField {
    const fields = this.fields();
    // What is above everything has only such above it.
    const made: HeaderField = fields[index]?.top === true ? { ...field, top: true } : field;
    this.assign([...fields.slice(0, index), made, ...fields.slice(index)]);
    return made;
  }

  #place(what: string, field: HeaderField): number {
    const index = this.fields().indexOf(field);
    if (index !== -1) return index;
    throw new AnswerError(
      `${what}: the field ${JSON.stringify(field.name)} is not in this draft. It may have been changed or deleted ` +
        'since it was looked up: look it up again, with draft.headers.field(name, n).',
    );
  }
}
