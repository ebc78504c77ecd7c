import { placeOf } from '../../common/call-site.js';
import type { Right } from '../../transport/wire/flags.js';
import { rightsOf } from '../connection/session-state.js';
import { UngrantedError, type UngrantedWish } from '../errors.js';
import type { Wish } from './tags.js';
import type { Ungranted } from './terms.js';

/** The wish of an option: it is about all filters. */
export function optionWish(name: string, rights: number, required: boolean): Wish {
  return { rights, by: `the option ${name}`, site: undefined, required };
}

/** Each right of a set that something wants, as a wish of its own. */
export function wishesFor({ rights, by, site }: Omit<Wish, 'required'>): UngrantedWish[] {
  return rightsOf(rights).map((right) => ({ wish: by, right, filter: placeOf(site) }));
}

const FOLLOWS: Readonly<Record<Ungranted, string>> = {
  refuse: 'Its connections are refused with a 451.',
  defer:
    "Each message that needs it gets the failure decision; with ungranted: 'skip' it passes without that change.",
  skip: 'Messages pass without such a change.',
};

/** The error of what is known at negotiation. */
export function knownAtNegotiation(
  wishes: readonly UngrantedWish[],
  granted: readonly Right[],
  follows: Ungranted,
): UngrantedError {
  return new UngrantedError(wishes, { granted, mta: 'unknown' }, FOLLOWS[follows]);
}

/**
 * What was told of the rights that mail servers do not grant: what one does not grant for a message it does not grant
 * for any. Mail servers are told apart by their rights and their names.
 */
export class ToldWishes {
  readonly #told = new Set<string>();

  /** Notes an error, which then says whether all of it was told before. */
  note(error: UngrantedError): void {
    const { wishes, granted, mta } = error;
    const before = this.#told.size;
    for (const { right, filter = '' } of wishes) {
      // At negotiation the mail server has no name yet, and what an option asks for is about each filter.
      const known = [filter, ''].some((each) => this.#told.has(`unknown ${granted.join()} ${right} ${each}`));
      if (!known) this.#told.add(`${mta} ${granted.join()} ${right} ${filter}`);
    }
    Object.assign(error, { repeated: this.#told.size === before });
  }
}
