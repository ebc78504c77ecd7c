import { placeOf } from '../../common/call-site.js';
import { SMFIF } from '../../transport/wire/flags.js';
import { REPLIES, type ReplyName } from '../../transport/wire/replies.js';
import { rightsOf } from '../connection/session-state.js';
import { UngrantedError, type UngrantedWish } from '../errors.js';
import { type AddRecipient, type Modification, checkModification } from '../modifications.js';
import type { MessageScope } from '../turn.js';
import type { Wording } from './header-encoder.js';

/** The changes to a message for which the MTA has granted the rights, and the others. */
export interface GrantedChanges {
  readonly granted: readonly Modification[];
  readonly skipped: readonly Modification[];
  /** About those that are skipped. */
  readonly ungranted: UngrantedError | undefined;
}

const NONE: readonly Modification[] = Object.freeze([]);
const ALL_CHANGES = Object.values(SMFIF).reduce<number>((set, right) => set | right, 0) & ~SMFIF.SETSYMLIST;

/**
 * Takes the changes out for which the MTA has granted no right. Throws an `UngrantedError` that names them all, where
 * they are not to be skipped.
 */
export function grantedChanges(
  modifications: readonly Modification[],
  wording: Wording,
  message: MessageScope | undefined,
): GrantedChanges {
  const { actions, ungranted } = wording.agreement;
  if ((actions & ALL_CHANGES) === ALL_CHANGES)
    return { granted: modifications, skipped: NONE, ungranted: undefined };
  const granted: Modification[] = [];
  const skipped: Modification[] = [];
  const wishes = new Map<string, UngrantedWish>();
  for (const one of modifications) {
    const lacking = REPLIES[replyFor(one, actions)].right & ~actions;
    if (lacking === 0) {
      granted.push(one);
      continue;
    }
    skipped.push(one);
    const filter = placeOf(message?.giverOf(one));
    for (const right of rightsOf(lacking)) {
      wishes.set(`${one.kind} ${right} ${filter ?? ''}`, { wish: one.kind, right, filter });
    }
  }
  if (skipped.length === 0) return { granted, skipped, ungranted: undefined };
  const error = ungrantedChanges([...wishes.values()], wording);
  if (ungranted !== 'skip') throw error;
  return { granted, skipped, ungranted: error };
}

/** The reply that a change becomes, as far as the right for it goes. */
function replyFor(modification: Modification, actions: number): ReplyName {
  const { kind } = modification;
  if (kind === 'deleteHeader') return 'changeHeader';
  if (kind === 'addRecipient') return addRecipientReply(checkModification(modification), actions);
  // What is no modification is found when it is encoded.
  return Object.hasOwn(REPLIES, kind) ? kind : 'continue';
}

/** A recipient is added with arguments where it has some, or where there is no other way. */
export function addRecipientReply(
  { args }: AddRecipient,
  actions: number,
): 'addRecipient' | 'addRecipientPar' {
  const { ADDRCPT, ADDRCPT_PAR } = SMFIF;
  const onlyWith = (actions & (ADDRCPT | ADDRCPT_PAR)) === ADDRCPT_PAR;
  return args.length > 0 || onlyWith ? 'addRecipientPar' : 'addRecipient';
}

function ungrantedChanges(
  wishes: readonly UngrantedWish[],
  { agreement: { offered, ungranted }, profile }: Wording,
): UngrantedError {
  const granted = rightsOf(offered);
  const follows =
    ungranted === 'skip'
      ? 'The message passes without that.'
      : "The message gets the failure decision. With ungranted: 'skip' it passes without that; with requireRights() connections of such a server are refused.";
  return new UngrantedError(wishes, { granted, mta: profile.name }, follows);
}
