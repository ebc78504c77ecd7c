import { ignoreRejection, isPromise } from '../../common/promises.js';
import { COMMANDS } from '../../transport/wire/commands.js';
import { OLD_ACTIONS, OLD_PROTOCOL, SMFIF, SMFIM, SMFIP } from '../../transport/wire/flags.js';
import type { OptnegFields } from '../../transport/wire/layouts.js';
import { replyCodec } from '../../transport/wire/replies.js';
import { rightsOf } from '../connection/session-state.js';
import { NegotiationError } from '../errors.js';
import type { ResolvedOptions } from '../options.js';
import { ALL_STAGES, BIT, STAGES } from '../stage.js';
import type { Tags, Wish } from './tags.js';
import {
  type Agreement,
  type MacroLists,
  type MacroStage,
  type Offer,
  NOTHING_AGREED,
  type Terms,
  agreeOnSize,
  USUAL,
  wireName,
} from './terms.js';
import { knownAtNegotiation, optionWish, wishesFor } from './ungranted.js';

const OLDEST = 2;
const NEWEST = 6;
/** What an offer of no actions at all means (libmilter): those of version 1. */
const FIRST_ACTIONS = 0x0f;
/** Bits of Sendmail and libmilter among themselves; two of them offer larger frames, see `agreeOnSize`. */
const INTERNAL = 0xf0000000;

/** The last terms that were settled: a server hears the same offer from the same few mail servers. */
let latest:
  | {
      readonly offer: Offer;
      readonly tags: Tags;
      readonly options: ResolvedOptions;
      readonly terms: Agreement;
    }
  | undefined;

/**
 * Settles the terms: what the tags ask for, as far as it is offered, then options, then the `negotiate` hook. Throws
 * a `NegotiationError` where there is no common ground or the hook refuses. Where a right is lacking the agreement says
 * so, and whether all that comes is refused for it: an MTA whose connection is closed here may let mail pass unfiltered.
 */
export function negotiate(offer: Offer, tags: Tags, options: ResolvedOptions): Agreement {
  const isKnown = latest?.tags === tags && latest.options === options && isSame(latest.offer, offer);
  if (latest !== undefined && isKnown) return latest.terms;
  const terms = settle(offer, tags, options);
  // A hook may answer anew each time, and what is lacking is said of each connection.
  if (options.negotiate === undefined && terms.lacking === undefined)
    latest = { offer, tags, options, terms };
  return terms;
}

function isSame(one: Offer, other: Offer): boolean {
  return one.version === other.version && one.actions === other.actions && one.protocol === other.protocol;
}

function settle(offered: Offer, tags: Tags, options: ResolvedOptions): Agreement {
  const offer = readOffer(offered);
  const terms = hooked(offer, derive(offer, tags, options), options);
  const { lacking, refused } = lackingIn(offer, terms, tags, options);
  if (refused) {
    const none = { version: terms.version, actions: 0, protocol: 0 };
    const answer = answerOf(none, []);
    return { ...NOTHING_AGREED, ...none, answer, maxData: USUAL, offered: offer.actions, lacking, refused };
  }
  let quiet = 0;
  for (const stage of STAGES) if ((COMMANDS[stage].nr & terms.protocol) !== 0) quiet |= BIT[stage];
  const verbatim = (terms.protocol & SMFIP.HDR_LEADSPC) !== 0;
  const { bit, size } = agreeOnSize(terms.version === NEWEST ? offered.protocol : 0, options.maxDataSize);
  const { version, actions, protocol, macros } = terms;
  return {
    version,
    actions,
    protocol,
    answer: answerOf({ version, actions, protocol: (protocol | bit) >>> 0 }, listsOf(macros)),
    wanted: (tags.decides | tags.observes | options.stages) & ALL_STAGES,
    decides: tags.decides & ALL_STAGES,
    readers: tags.readers,
    quiet,
    blank: verbatim ? 'kept' : options.leadingSpace ? 'made' : 'hidden',
    maxData: size,
    inserts: version > OLDEST || (offer.actions & SMFIF.QUARANTINE) !== 0,
    sendmailHeaders: options.sendmailHeaders,
    offered: offer.actions,
    ungranted: options.ungranted,
    lacking,
    refused: false,
  };
}

function answerOf(offer: Offer, lists: OptnegFields['lists']): Buffer {
  return replyCodec.encode({ type: 'optneg', ...offer, lists });
}

/** What is known to be wanted and was not granted. A mere wish that the hook has given away is none any more. */
function lackingIn(
  offer: Offer,
  terms: Terms,
  tags: Tags,
  options: ResolvedOptions,
): Pick<Agreement, 'lacking' | 'refused'> {
  const all = [
    ...tags.wishes,
    optionWish('requireRights', options.requires, true),
    // Macros, which it is also about, are no change to a message.
    optionWish('rights', (options.actions ?? 0) & ~SMFIF.SETSYMLIST, false),
  ];
  const open = all.flatMap((wish): Wish[] => {
    const rights = wish.rights & ~(wish.required ? terms.actions : offer.actions);
    return rights === 0 ? [] : [{ ...wish, rights }];
  });
  if (open.length === 0) return { lacking: undefined, refused: false };
  const refused = options.ungranted === 'refuse' || open.some(({ required }) => required);
  const follows = refused ? 'refuse' : options.ungranted;
  return { lacking: knownAtNegotiation(open.flatMap(wishesFor), rightsOf(offer.actions), follows), refused };
}

function readOffer(offer: Offer): Offer {
  if (offer.version < OLDEST) {
    throw new NegotiationError(
      `The MTA offers protocol version ${offer.version}; ${OLDEST} is the oldest there is.`,
    );
  }
  return {
    version: offer.version,
    actions: offer.actions === 0 ? FIRST_ACTIONS : offer.actions,
    protocol: (offer.protocol & ~INTERNAL) >>> 0,
  };
}

/** What the tags and options ask for, within the offer. */
function derive(offer: Offer, tags: Tags, options: ResolvedOptions): Terms {
  const version = Math.min(NEWEST, offer.version, options.version);
  // Agreeing to less than was offered makes the MTA behave like an older one, which knows less.
  const lowered = version < Math.min(NEWEST, offer.version);
  const actionsOffered = lowered ? offer.actions & OLD_ACTIONS : offer.actions;
  const known = lowered ? (OLD_PROTOCOL[version] ?? -1) : -1;
  const protocolOffered = (offer.protocol & known) >>> 0;

  const modifies = (tags.decides & BIT.eom) !== 0 ? ~SMFIF.SETSYMLIST : 0;
  let actions = actionsOffered & ((options.actions ?? modifies) | required(tags) | options.requires) & 0x1ff;
  const listable = version === NEWEST && (actionsOffered & SMFIF.SETSYMLIST) !== 0;
  const macros = listable ? options.macros : {};
  actions = Object.keys(macros).length > 0 ? actions | SMFIF.SETSYMLIST : actions & ~SMFIF.SETSYMLIST;

  const needed = tags.decides | tags.observes | options.stages | dependencies(tags);
  let protocol = 0;
  for (const stage of STAGES) {
    const { no, nr } = COMMANDS[stage];
    if ((needed & BIT[stage]) === 0) protocol |= no;
    else if (options.noReply && (tags.decides & BIT[stage]) === 0) protocol |= nr;
  }
  if ((tags.decides & BIT.body) !== 0) protocol |= SMFIP.SKIP;
  if (options.leadingSpace) protocol |= SMFIP.HDR_LEADSPC;
  if (options.rejectedRecipients) protocol |= SMFIP.RCPT_REJ;
  if (options.answerData) protocol &= ~(SMFIP.NODATA | SMFIP.NR_DATA);
  return { version, actions, protocol: protocol & protocolOffered, macros };
}

function required({ wishes }: Tags): number {
  return wishes.reduce((set, wish) => (wish.required ? set | wish.rights : set), 0);
}

/** Events that have to be seen for others to be complete: `session.client`, `session.helo`, and a `rcpt`'s `mail`. */
function dependencies(tags: Tags): number {
  const all = tags.decides | tags.observes;
  return BIT.connect | BIT.helo | ((all & BIT.rcpt) === 0 ? 0 : BIT.mail);
}

function hooked(offer: Offer, derived: Terms, options: ResolvedOptions): Terms {
  const terms = options.negotiate?.(offer, derived) ?? derived;
  if (isPromise(terms)) {
    ignoreRejection(terms);
    throw new NegotiationError('The negotiate hook returned a promise; it has to answer at once.');
  }
  if ('kind' in terms) throw new NegotiationError('The negotiate hook refused the connection.');
  const over = (what: string, excess: number): void => {
    if (excess === 0) return;
    throw new NegotiationError(
      `The negotiate hook's ${what} 0x${(excess >>> 0).toString(16)} is more than the MTA offers. Answer a part of the offer.`,
    );
  };
  if (terms.version < OLDEST || terms.version > Math.min(NEWEST, offer.version)) {
    throw new NegotiationError(
      `The negotiate hook's version ${terms.version} is not between ${OLDEST} and the offered ${offer.version}.`,
    );
  }
  over('actions', terms.actions & ~offer.actions);
  over('protocol', terms.protocol & ~offer.protocol);
  if (Object.keys(terms.macros).length > 0) over('macros need the action', SMFIF.SETSYMLIST & ~terms.actions);
  return terms;
}

/** Sendmail reads the list for `eom` only where it got one for `eoh`, and the other way round: the two go together. */
function listsOf(macros: MacroLists): readonly (readonly [number, string])[] {
  const { eoh, eom } = macros;
  const both =
    eoh === undefined && eom === undefined ? macros : { ...macros, eoh: eoh ?? eom, eom: eom ?? eoh };
  return (Object.keys(SMFIM) as MacroStage[]).flatMap((stage) => {
    const names = both[stage];
    return names === undefined ? [] : [[SMFIM[stage], names.map(wireName).join(' ')] as const];
  });
}
