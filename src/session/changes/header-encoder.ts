import type { WireReply } from '../../transport/wire/replies.js';
import { decodeText } from '../../transport/wire/text.js';
import type { AddHeader, ChangeHeader, HeaderPosition, InsertHeader, Text } from '../modifications.js';
import type { Agreement } from '../negotiation/terms.js';
import type { Profile } from '../profiles/profile.js';
import { type SameName, BOTTOM } from './order-changes.js';

/** What changes have to be worded for. */
export interface Wording {
  readonly agreement: Agreement;
  readonly profile: Profile;
  /** The names of the headers of the message, where the MTA has shown them. */
  readonly shownHeaders?: readonly string[] | undefined;
}

type HeaderReply = Extract<WireReply, { type: 'addHeader' | 'insertHeader' | 'changeHeader' }>;

/** Encodes changes of the headers of one message so that they mean the same on each MTA. */
export class HeaderEncoder {
  readonly #wording: Wording;
  readonly #appended = new Set<string>();

  constructor(wording: Wording) {
    this.#wording = wording;
  }

  /** @param sameName what is known of the headers of its name */
  encode(modification: AddHeader | InsertHeader | ChangeHeader, sameName?: SameName): HeaderReply {
    const { kind, name } = modification;
    const value = this.#value(modification.value, kind === 'changeHeader');
    if (kind === 'changeHeader') return { type: 'changeHeader', index: modification.index, name, ...value };
    if (this.#wording.profile.adds === 'at the top') return this.#addOnTop(modification, value, sameName);
    const added = kind === 'addHeader' || (sameName !== undefined && this.#replacesMade(name, sameName));
    if (added) return this.#add(name, value, sameName);
    const index = this.#index(modification.position);
    if (index === BOTTOM) this.#appended.add(name.toLowerCase());
    return { type: 'insertHeader', index, name, ...value };
  }

  /**
   * At the end. Sendmail would put it before the first header of its name, and so turn the order of several around.
   * An MTA that is not known may be one, but even there the second of a name can be had behind the first. A header
   * that Sendmail makes itself is added, to take that place, but where the message is known to have one.
   */
  #add(name: string, value: ReturnType<typeof asFields>, sameName: SameName | undefined): HeaderReply {
    const { agreement, profile } = this.#wording;
    const made = this.#replacesMade(name, sameName);
    const key = name.toLowerCase();
    const again = this.#appended.has(key);
    this.#appended.add(key);
    const { adds } = profile;
    const inserted = agreement.inserts && (adds === 'before its name' ? !made : adds === 'unknown' && again);
    if (inserted) return { type: 'insertHeader', index: BOTTOM, name, ...value };
    return { type: 'addHeader', name, ...value };
  }

  /** Above all others, or before the next one of its name, where that can be said. */
  #addOnTop(
    change: AddHeader | InsertHeader,
    value: ReturnType<typeof asFields>,
    sameName: SameName | undefined,
  ): HeaderReply {
    const { kind, name } = change;
    if (!this.#wording.profile.countsName) return { type: 'addHeader', name, ...value };
    const isPlaced = kind === 'insertHeader' && typeof change.position === 'number';
    const before = isPlaced && sameName !== undefined && sameName.above < sameName.shown;
    return { type: 'insertHeader', index: before ? sameName.above + 1 : 0, name, ...value };
  }

  /** Whether it takes the place of what Sendmail makes; where a message is known, only the first of its name does. */
  #replacesMade(name: string, sameName: SameName | undefined): boolean {
    const key = name.toLowerCase();
    if (!this.#wording.profile.makes.has(key)) return false;
    return sameName === undefined || (sameName.shown === 0 && !this.#appended.has(key));
  }

  /** Below the first header Postfix counts those of the message, Sendmail those of its configuration before them. */
  #index(position: HeaderPosition): number {
    if (position === 'top') return 0;
    if (position === 'bottom') return BOTTOM;
    const { agreement, profile } = this.#wording;
    return position > 1 && profile.countsConfigured ? position - 1 + agreement.sendmailHeaders : position;
  }

  #value(raw: Text, emptyDeletes = false): ReturnType<typeof asFields> {
    const { agreement, profile } = this.#wording;
    const text = profile.utf8Only ? utf8Of(raw) : raw;
    const given = profile.lineEnd === '\n' ? text : utf8Of(text).replace(/\r?\n/g, profile.lineEnd);
    if (agreement.blank !== 'made') return asFields(given);
    const blank = typeof given === 'string' ? given.startsWith(' ') : given[0] === 0x20;
    if (!blank || (emptyDeletes && given.length === 1)) return asFields(given);
    return asFields(typeof given === 'string' ? given.slice(1) : given.subarray(1));
  }
}

/** Text in UTF-8; bytes that are not are taken for Latin-1. */
export function utf8Of(given: Text): string {
  if (typeof given === 'string') return given;
  const bytes = Buffer.from(given.buffer, given.byteOffset, given.length);
  return decodeText(bytes, 0, bytes.length);
}

function asFields(given: Text): { value: string; raw?: Uint8Array } {
  return typeof given === 'string' ? { value: given } : { value: '', raw: given };
}
