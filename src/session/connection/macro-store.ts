import { Malformed, decodeMacros } from '../../transport/wire/layouts.js';
import { bareName } from '../negotiation/terms.js';
import type { Macros } from '../session-info.js';

/**
 * The letters of the stages with macros, each hiding those before. Others, which Postfix sends, libmilter ignores,
 * too.
 */
const ORDER = 'CHMRTNE';
const RCPT = ORDER.indexOf('R');
/** The same by the code of a letter, for the many sets of HEADER that are not read. */
const PLACES = Int8Array.from({ length: 256 }, (_none, code) => ORDER.indexOf(String.fromCharCode(code)));
const HEADER = 'L'.charCodeAt(0);
const BODY = 'B'.charCodeAt(0);
const V = 'v'.charCodeAt(0);

/** A macro as it came: its name, with braces or without, and its value. */
type Sent = readonly [name: string, value: string];

/** Undecoded macros of one stage: most are never asked for. */
interface Slot {
  readonly data: Buffer;
  readonly start: number;
  readonly end: number;
  /** By bare name. */
  decoded: Map<string, Sent> | undefined;
}

/** Keeps the macros of a connection, each set as long as the protocol has it live. */
export class MacroStore implements Macros {
  // As many as there are letters: a list that grows takes room for 17.
  readonly #slots: (Slot | undefined)[] = [
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ];
  /** How many of the slots are in use, at most. */
  #top = 0;
  /** How many sets have come. */
  sets = 0;
  /** Whether the MTA sends macros for HEADER or BODY, which are not read. */
  forContent = false;

  /** Takes a macro frame: its target letter and pairs. It replaces the set of its stage and ends later ones. */
  store(data: Buffer, start: number, end: number): void {
    if (end === start) throw new Malformed('no command letter');
    this.sets++;
    const letter = data[start] ?? 0;
    const index = PLACES[letter] ?? -1;
    if (index === -1) {
      this.forContent ||= letter === HEADER || letter === BODY;
      return;
    }
    this.#cut(index);
    if (end - start === 1) return;
    this.#slots[index] = { data, start: start + 1, end, decoded: undefined };
    this.#top = index + 1;
  }

  /** The event of that letter begins: later sets end, and its own where none came with it (`fresh`). */
  beginEvent(letter: string, fresh: boolean): void {
    const index = ORDER.indexOf(letter);
    this.#cut(index + (fresh ? 1 : 0));
    if (index > RCPT) this.endRecipients();
  }

  /** The recipients are complete: the set of the last one, perhaps refused by the MTA, ends. */
  endRecipients(): void {
    this.#slots[RCPT] = undefined;
  }

  /** Ends the sets of the message; that of MAIL stays where it already is the next one's. */
  endMessage(next: boolean): void {
    this.#cut(ORDER.indexOf('M') + (next ? 1 : 0));
  }

  get(name: string): string | undefined {
    return this.#find(name)?.[1];
  }

  /** The value of a macro that came by just this name, braces or none included. */
  getAsSent(name: string): string | undefined {
    const sent = this.#find(name);
    return sent?.[0] === name ? sent[1] : undefined;
  }

  /** The bytes of the value of `v`, without decoding the set that it is in; `undefined` without one. */
  version(): Buffer | undefined {
    for (let index = this.#top - 1; index >= 0; index--) {
      const slot = this.#slots[index];
      if (slot === undefined) continue;
      const { data, end } = slot;
      for (let at = slot.start; at < end;) {
        const stop = data.indexOf(0, at);
        const valueEnd = data.indexOf(0, stop + 1);
        if (valueEnd === -1 || valueEnd >= end) break;
        if (stop === at + 1 && data[at] === V) return data.subarray(stop + 1, valueEnd);
        at = valueEnd + 1;
      }
    }
    return undefined;
  }

  all(): Readonly<Record<string, string>> {
    const all = Object.create(null) as Record<string, string>;
    for (let index = 0; index < this.#top; index++) {
      for (const [bare, [, value]] of this.#read(index) ?? []) all[bare] = value;
    }
    return all;
  }

  #find(name: string): Sent | undefined {
    const bare = bareName(name);
    for (let index = this.#top - 1; index >= 0; index--) {
      const sent = this.#read(index)?.get(bare);
      if (sent !== undefined) return sent;
    }
    return undefined;
  }

  #cut(length: number): void {
    // Setting an array's length leaves compiled code; this does not.
    while (this.#top > length) this.#slots[--this.#top] = undefined;
  }

  #read(index: number): Map<string, Sent> | undefined {
    const slot = this.#slots[index];
    if (slot === undefined) return undefined;
    if (slot.decoded !== undefined) return slot.decoded;
    slot.decoded = new Map();
    for (const [name, value] of decodeMacros(slot.data, slot.start, slot.end)) {
      if (value !== undefined) slot.decoded.set(bareName(name), [name, value]);
    }
    return slot.decoded;
  }
}
