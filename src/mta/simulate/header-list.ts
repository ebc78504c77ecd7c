import type { HeaderField } from './header-field.js';

/** A field and what follows its colon, lines ended by LF. */
export interface RawField {
  readonly name: string;
  readonly raw: Buffer;
}

/** The header of a message on its way through an MTA, which changes it as that MTA does. */
export interface HeaderList {
  /** Adds a field (ADDHEADER). */
  add(name: string, value: Uint8Array): void;
  /** Inserts a field at a position (INSHEADER). */
  insert(position: number, name: string, value: Uint8Array): void;
  /** Replaces the n-th of a name, from 1; an empty value deletes it (CHGHEADER). */
  change(n: number, name: string, value: Uint8Array): void;
  /** What a milter is shown, in order. */
  shown(): RawField[];
  /** What is delivered, in order. */
  list(): HeaderField[];
  /** What is delivered, as bytes, without the empty line after it. */
  toBytes(): Buffer;
}
