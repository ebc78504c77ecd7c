import { decodeText } from '../transport/text.js';

/** A header field as it is delivered. */
export interface HeaderField {
  readonly name: string;
  /** Without the blank after the colon; a folded one has LF and white space. */
  readonly value: string;
  /** Everything after the colon, as bytes, lines ended by LF. */
  readonly raw: Buffer;
}

/**
 * The header of a message, changed as Postfix does it.
 *
 * Positions count the fields of the message as it is delivered, the MTA's own at its top included. The n-th of a name
 * counts those that were shown to the milter, from 1, and shifts when one of them is deleted; 0 is taken as 1.
 */
export class HeaderList {
  readonly #fields: { name: string; raw: Buffer; own: boolean }[] = [];
  readonly #leadspc: boolean;

  /** @param leadspc whether a milter writes the blank after the colon itself */
  constructor(leadspc: boolean) {
    this.#leadspc = leadspc;
  }

  /** Puts a field of the MTA's own on top: it is delivered, and milters are not shown it. */
  addOwn(name: string, value: string): void {
    this.#fields.unshift({ name, raw: Buffer.from(` ${value}`), own: true });
  }

  /** Adds a field of the message, as the client sent it. */
  addOriginal(name: string, value: string | Uint8Array): void {
    this.#fields.push({
      name,
      raw: Buffer.concat([Buffer.from(' '), folded(Buffer.from(value))]),
      own: false,
    });
  }

  /** Adds at the end. */
  add(name: string, value: Uint8Array): void {
    this.#fields.push(this.#made(name, value));
  }

  /** Inserts so that the field has this position, from 0; beyond the end it is added there. */
  insert(position: number, name: string, value: Uint8Array): void {
    this.#fields.splice(position, 0, this.#made(name, value));
  }

  /** Replaces the n-th of a name, or adds one where there are fewer; an empty value deletes. */
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

  /** What a milter is shown, in order. */
  shown(): { name: string; raw: Buffer }[] {
    return this.#fields
      .filter(({ own }) => !own)
      .map(({ name, raw }) => ({ name, raw: this.#leadspc ? raw : withoutBlank(raw) }));
  }

  /** What is delivered, in order. */
  list(): HeaderField[] {
    return this.#fields.map(({ name, raw }) => {
      const value = withoutBlank(raw);
      return { name, value: decodeText(value, 0, value.length), raw };
    });
  }

  /** The header as bytes, without the empty line after it. */
  toBytes(): Buffer {
    const lines = this.#fields.map(
      ({ name, raw }) => `${Buffer.from(name).toString('latin1')}:${raw.toString('latin1')}\n`,
    );
    return Buffer.from(lines.join('').replaceAll('\n', '\r\n'), 'latin1');
  }

  #made(name: string, value: Uint8Array): { name: string; raw: Buffer; own: boolean } {
    const text = folded(Buffer.from(value));
    return { name, raw: this.#leadspc ? text : Buffer.concat([Buffer.from(' '), text]), own: false };
  }
}

/** A line end in a value that no white space follows would begin another field: Postfix puts a tab there. */
function folded(value: Buffer): Buffer {
  const text = value.toString('latin1').replace(/\r?\n/g, '\n');
  return Buffer.from(text.replace(/\n(?![ \t])/g, '\n\t'), 'latin1');
}

function withoutBlank(raw: Buffer): Buffer {
  return raw[0] === 0x20 ? raw.subarray(1) : raw;
}
