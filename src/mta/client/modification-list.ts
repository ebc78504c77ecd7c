import { quote } from '../../common/printable.js';
import { REPLIES, type ReplyName, type WireReply } from '../../transport/wire/replies.js';
import type { MtaLimits } from './connection-options.js';

type ModificationName = {
  [N in ReplyName]: (typeof REPLIES)[N]['kind'] extends 'modification' ? N : never;
}[ReplyName];

/** A reply that changes a message. */
export type WireModification = Extract<WireReply, { type: ModificationName }>;

/** Whether a reply changes a message. */
export function isModification(reply: WireReply): reply is WireModification {
  return REPLIES[reply.type].kind === 'modification';
}

/** The value of a header field, byte for byte as it came. */
export function valueBytes(field: { readonly value: string; readonly raw?: Uint8Array }): Uint8Array {
  return field.raw ?? Buffer.from(field.value);
}

/** ESMTP arguments one by one; in a reply all of them are one string. */
export function argumentWords(args: readonly string[]): string[] {
  return args.flatMap((text) => text.split(' ')).filter((word) => word !== '');
}

const UNFIT_NAME = /[\0-\x20:\x7f]/;
const UNFIT_ADDRESS = /[\0-\x1f\x7f]/;

/** The modifications of one message, each checked as it comes. */
export class ModificationList {
  readonly list: WireModification[] = [];
  readonly #rights: number;
  readonly #limits: Required<MtaLimits>;
  #bytes = 0;
  #progress = 0;
  #body: 'none' | 'open' | 'ended' = 'none';

  /** @param rights bits of `SMFIF` that were agreed on */
  constructor(rights: number, limits: Required<MtaLimits>) {
    this.#rights = rights;
    this.#limits = limits;
  }

  /** Counts a progress reply; returns what is wrong with it, if anything is. */
  progress(): string | undefined {
    this.#interrupt();
    return ++this.#progress > this.#limits.modifications ? 'it shows too often that it lives' : undefined;
  }

  /** Adds a modification; returns what is wrong with it, if anything is. */
  add(modification: WireModification): string | undefined {
    const { type } = modification;
    if ((this.#rights & REPLIES[type].right) === 0) return `it has not asked for the right to ${type}`;
    const { modifications: most, modificationBytes: mostBytes } = this.#limits;
    if (this.list.length >= most) return `it wants more than ${most} modifications`;
    this.#bytes += sizeOf(modification);
    if (this.#bytes > mostBytes) return `its modifications are longer than ${mostBytes} bytes`;
    if (type !== 'replaceBody') this.#interrupt();
    else if (this.#body === 'ended') return 'its new body came in two pieces with something between';
    else this.#body = 'open';
    this.list.push(modification);
    return unfit(modification);
  }

  /** Any other reply ends a new body: after that it may not go on (Postfix refuses it). */
  #interrupt(): void {
    if (this.#body === 'open') this.#body = 'ended';
  }
}

function sizeOf(modification: WireModification): number {
  if ('data' in modification) return modification.data.length;
  if ('text' in modification) return modification.text.length;
  if ('name' in modification) return modification.name.length + modification.value.length;
  return modification.address.length + modification.args.join('').length;
}

function unfit(modification: WireModification): string | undefined {
  switch (modification.type) {
    case 'insertHeader':
    case 'changeHeader':
    case 'addHeader':
      if ('index' in modification && modification.index > 0x7fffffff) {
        return `the index ${modification.index} of ${modification.type} is none`;
      }
      return UNFIT_NAME.test(modification.name)
        ? `${quote(modification.name)} is no name for a header`
        : undefined;
    case 'changeSender':
    case 'addRecipientPar':
      if (modification.args.length > 1) return `${modification.type} has more than two strings`;
      return unfitText(modification.type, [modification.address, ...modification.args]);
    case 'addRecipient':
    case 'deleteRecipient':
    case 'quarantine':
      return unfitText(modification.type, [modification.text]);
    case 'replaceBody':
      return undefined;
  }
}

function unfitText(type: string, texts: readonly string[]): string | undefined {
  const bad = texts.find((text) => UNFIT_ADDRESS.test(text));
  return bad === undefined ? undefined : `${type} has control characters: ${quote(bad)}`;
}
