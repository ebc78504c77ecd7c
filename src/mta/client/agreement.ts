import { object, whole } from '../../common/options.js';
import type { KnownProfile } from '../../session/profiles/profile.js';
import { profileOf } from '../../session/profiles/recognise.js';
import { COMMANDS } from '../../transport/wire/commands.js';
import { OLD_PROTOCOL, SMFIF } from '../../transport/wire/flags.js';
import type { OptnegFields } from '../../transport/wire/layouts.js';
import { MilterError } from './milter-error.js';

/** The offer of an MTA to a milter. */
export interface MtaOffer {
  /** The highest protocol version it speaks. */
  readonly version: number;
  /** Bits of `SMFIF`: the changes that it can make to a message. */
  readonly actions: number;
  /** Bits of `SMFIP`: the events and replies that it can leave out, and the features that it has. */
  readonly protocol: number;
}

/** The agreement of an MTA and a milter, for the whole connection. */
export interface MtaAgreement extends MtaOffer {
  /** The macros that the milter asked for, by the number of their stage (libmilter's `SMFIM_*`). */
  readonly lists: ReadonlyMap<number, readonly string[]>;
}

/** The offer of Postfix 2.6 and later and of Sendmail 8.14 and later. */
export const DEFAULT_OFFER: MtaOffer = profileOf().offer;

const BITS = whole(0, 0xffffffff);
export const offerRule = object<MtaOffer>({ version: whole(2, 6), actions: BITS, protocol: BITS });

/** Completes an offer with what a mail server that speaks its version offers. */
export function completeOffer(
  { version, actions, protocol }: Partial<MtaOffer>,
  { offer, oldActions }: KnownProfile,
): MtaOffer {
  const spoken = version ?? offer.version;
  return {
    version: spoken,
    actions: actions ?? (spoken < 6 ? oldActions : offer.actions),
    protocol: protocol ?? offer.protocol & (OLD_PROTOCOL[spoken] ?? offer.protocol),
  };
}

/** The flags that leave out events and replies. */
const LEAVING_OUT = Object.values(COMMANDS).reduce((bits, { no, nr }) => bits | no | nr, 0);

/**
 * Checks a milter's answer to an offer, as the stricter of Postfix and Sendmail does.
 *
 * @param obeys whether the MTA does not look at its offer again, and leaves out what the answer says
 * @throws MilterError where the answer is more than was offered, or of a version below 2
 */
export function agree(offer: MtaOffer, answer: OptnegFields, obeys = false): MtaAgreement {
  const { version, actions, protocol } = answer;
  if (version < 2) fail(`version ${version} is not spoken any more`);
  if (obeys) return { version: offer.version, actions, protocol: protocol & LEAVING_OUT, lists: new Map() };
  if (version > offer.version) fail(`it answered version ${version}, and ${offer.version} was offered`);
  const more = (actions & ~offer.actions) >>> 0;
  if (more !== 0) fail(`it asked for actions 0x${more.toString(16)}, which were not offered`);
  const beyond = (protocol & ~offer.protocol) >>> 0;
  if (beyond !== 0) fail(`it asked for protocol flags 0x${beyond.toString(16)}, which were not offered`);
  return { version, actions, protocol, lists: listsOf(offer, answer) };
}

/** The macros that an answer asks for. libmilter always sends its lists; where they were not offered they mean nothing. */
export function listsOf(offer: MtaOffer, answer: OptnegFields): MtaAgreement['lists'] {
  const lists = (offer.actions & SMFIF.SETSYMLIST) === 0 ? [] : answer.lists;
  const names = (text: string): string[] => text.split(/[\s,]+/).filter((name) => name !== '');
  return new Map(lists.map(([stage, text]) => [stage, names(text)]));
}

function fail(reason: string): never {
  throw new MilterError('negotiation', 'optneg', reason);
}
