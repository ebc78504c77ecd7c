import { quote } from '../../common/printable.js';
import { REPLIES, type ReplyName, type WireReply } from '../../transport/wire/replies.js';
import type { MtaLimits } from './connection-options.js';

type ModificationName = {
  [N in ReplyName]: (typeof REPLIES)[N]['kind'] extends 'modification' ? N : never;
}[ReplyName];

/** A reply that changes a message. */
export type WireModification = Extract<WireReply, { type: ModificationName }>;

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
const UNFIT_TEXT = /[\0-\x1f\x7f]/;

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

  /** Counts a progress reply; returns the fault, if there is one. */
  progress(): string | undefined {
    this.#interrupt();
    return ++this.#progress > this.#limits.modifications ? 'it sends too many progress replies' : undefined;
  }

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
  return 'data' in modification ? modification.data.length : stringsOf(modification).join('').length;
}

function stringsOf(modification: Exclude<WireModification, { type: 'replaceBody' }>): readonly string[] {
  if ('name' in modification) return [modification.name, modification.value];
  return 'text' in modification ? [modification.text] : [modification.address, ...modification.args];
}

function unfit(modification: WireModification): string | undefined {
  const { type } = modification;
  if ('data' in modification) return undefined;
  if ('name' in modification) {
    const { name } = modification;
    if ('index' in modification && modification.index > 0x7fffffff) {
      return `the index ${modification.index} of ${type} is too large`;
    }
    return UNFIT_NAME.test(name) ? `${quote(name)} is no name for a header` : undefined;
  }
  if ('args' in modification && modification.args.length > 1) return `${type} has more than two strings`;
  const bad = stringsOf(modification).find((text) => UNFIT_TEXT.test(text));
  return bad === undefined ? undefined : `${type} has control characters: ${quote(bad)}`;
}
