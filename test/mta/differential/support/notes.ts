import { escaped } from './instructions.js';

/** What a filter was told, written as the filter in C writes it: ` name(first,second)`. */
export class Notes {
  #text = '';

  add(name: string, ...args: readonly (string | Uint8Array)[]): void {
    this.#text += args.length === 0 ? ` ${name}` : ` ${name}(${args.map(escaped).join(',')})`;
  }

  /** All since the last call. */
  take(): string {
    const text = this.#text;
    this.#text = '';
    return text;
  }
}

/** FNV-1a of 32 bits, as eight digits. */
export function checksum(bytes: Uint8Array): string {
  let hash = 2166136261;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 16777619) >>> 0;
  return hash.toString(16).padStart(8, '0');
}
