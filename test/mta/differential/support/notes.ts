import { escaped } from './instructions.js';

/** FNV-1a of 32 bits. */
const SEED = 2166136261;
const PRIME = 16777619;

/** What a filter was told, written as the filter in C writes it: ` name(first,second)`. */
export class Notes {
  #text = '';
  #size = 0;
  #hash = SEED;

  add(name: string, ...args: readonly (string | Uint8Array)[]): void {
    this.#endBody();
    this.#text += args.length === 0 ? ` ${name}` : ` ${name}(${args.map(escaped).join(',')})`;
  }

  /** A piece of the body, which is noted as a whole with its sum: where it is cut says nothing. */
  body(chunk: Uint8Array): void {
    this.#size += chunk.length;
    for (const byte of chunk) this.#hash = Math.imul(this.#hash ^ byte, PRIME) >>> 0;
  }

  /** All since the last call. */
  take(): string {
    this.#endBody();
    const text = this.#text;
    this.#text = '';
    return text;
  }

  #endBody(): void {
    if (this.#size === 0) return;
    this.#text += ` body(${this.#size},${this.#hash.toString(16).padStart(8, '0')})`;
    this.#size = 0;
    this.#hash = SEED;
  }
}
