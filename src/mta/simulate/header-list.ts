import { decodeText } from '../../transport/wire/text.js';
import { type WireModification, valueBytes } from '../client/modification-list.js';

/** A header field of a message. */
export interface HeaderField {
  readonly name: string;
  /** Without the blank after the colon; a folded one has LF and white space. */
  readonly value: string;
  /** Everything after the colon, as bytes, lines ended by LF. */
  readonly raw: Buffer;
}

/** A field as an MTA keeps it. */
export type RawField = Pick<HeaderField, 'name' | 'raw'>;

/** A change to a header. */
export type HeaderChange = Extract<WireModification, { name: string }>;

/** A field in a list, or a place for one. */
export interface HeaderEntry {
  readonly name: string;
  raw: Buffer;
  /** Of the client or of a milter, of the MTA itself, or a place that the configuration keeps for a field. */
  readonly kind: 'given' | 'received' | 'default' | 'place';
  deleted: boolean;
}

/** The header of a message on its way through an MTA, which changes it as that MTA does. */
export abstract class HeaderList {
  protected readonly entries: HeaderEntry[];
  readonly #leadspc: boolean;

  /** @param leadspc whether a milter sees and writes the blank after the colon */
  constructor(entries: HeaderEntry[], leadspc: boolean) {
    this.entries = entries;
    this.#leadspc = leadspc;
  }

  /** Makes the changes that a milter wants, in its order. */
  apply(changes: readonly HeaderChange[]): void {
    for (const one of changes) {
      if (one.type === 'addHeader') this.add(one.name, valueBytes(one));
      else if (one.type === 'insertHeader') this.insert(one.index, one.name, valueBytes(one));
      else this.change(one.index, one.name, valueBytes(one));
    }
  }

  abstract add(name: string, value: Uint8Array): void;

  /** Replaces the n-th of a name, from 1; an empty value deletes it (CHGHEADER). */
  abstract change(n: number, name: string, value: Uint8Array): void;

  insert(position: number, name: string, value: Uint8Array): void {
    this.entries.splice(position, 0, this.made(name, value));
  }

  shown(): RawField[] {
    return this.entries
      .filter(({ kind, deleted }) => kind === 'given' && !deleted)
      .map(({ name, raw }) => ({ name, raw: this.#leadspc ? raw : withoutBlank(raw) }));
  }

  list(): HeaderField[] {
    return this.entries
      .filter((entry) => this.isDelivered(entry))
      .map((entry) => headerField(entry.name, this.written(entry)));
  }

  /** The fields that are delivered, as bytes, without the empty line after them. */
  toBytes(): Buffer {
    const lines = this.list().map(
      ({ name, raw }) => `${Buffer.from(name).toString('latin1')}:${raw.toString('latin1')}\n`,
    );
    return Buffer.from(lines.join('').replaceAll('\n', '\r\n'), 'latin1');
  }

  protected isDelivered({ kind, deleted }: HeaderEntry): boolean {
    return kind !== 'place' && !deleted;
  }

  /** What is delivered of a field, behind the colon. */
  protected written({ raw }: HeaderEntry): Buffer {
    return raw;
  }

  protected made(name: string, value: Uint8Array): HeaderEntry {
    return { name, raw: this.afterColon(value), kind: 'given', deleted: false };
  }

  /** A milter's value as it stands after the colon. */
  protected afterColon(value: Uint8Array): Buffer {
    return this.#leadspc ? folded(value) : Buffer.concat([Buffer.from(' '), folded(value)]);
  }
}

/** Fields as entries of a list. */
export function entriesOf(kind: 'received' | 'given', fields: readonly RawField[]): HeaderEntry[] {
  return fields.map((field) => ({ ...field, kind, deleted: false }));
}

export function headerField(name: string, raw: Buffer): HeaderField {
  const value = withoutBlank(raw);
  return { name, value: decodeText(value, 0, value.length), raw };
}

/** Folds a value: a line end without white space after it would begin another field. Postfix puts a tab there. */
export function folded(value: Uint8Array): Buffer {
  const text = Buffer.from(value).toString('latin1').replace(/\r?\n/g, '\n');
  return Buffer.from(text.replace(/\n(?![ \t])/g, '\n\t'), 'latin1');
}

/** A name without blanks before the colon. */
export function nameOf(name: string): string {
  let end = name.length;
  while (end > 0 && (name[end - 1] === ' ' || name[end - 1] === '\t')) end--;
  return name.slice(0, end);
}

function withoutBlank(raw: Buffer): Buffer {
  return raw[0] === 0x20 ? raw.subarray(1) : raw;
}
