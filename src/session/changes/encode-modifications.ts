import { SMFIF } from '../../transport/wire/flags.js';
import { replyCodec } from '../../transport/wire/replies.js';
import { located } from '../answer-watch.js';
import { AnswerError } from '../errors.js';
import { flawOf } from '../flaws.js';
import {
  type AddRecipient,
  type BodySource,
  type ChangeSender,
  type Modification,
  type Text,
  checkModification,
} from '../modifications.js';
import { USUAL } from '../negotiation/terms.js';
import type { Profile } from '../profiles/profile.js';
import type { MessageScope } from '../turn.js';
import { addAbsent } from './absent-headers.js';
import { fromTheLowest } from './from-the-lowest.js';
import { addRecipientReply, grantedChanges, type GrantedChanges } from './granted-changes.js';
import { HeaderEncoder, utf8Of, type Wording } from './header-encoder.js';
import { type EncodedChange, orderChanges, SAME_NAME, type SameName } from './order-changes.js';

/** A body of at most so many bytes is written without asking the peer whether it takes them. */
const AT_ONCE = 8 * USUAL;

/** What stands for a body of no bytes where that would be none. */
export const EMPTY_BODY = Buffer.from('\r\n');

/** The changes to a message, ready for the wire. */
export interface ModificationPlan {
  readonly changes: GrantedChanges;
  readonly frames: readonly Buffer[];
  /** A body that is read or written piece by piece; its frames follow on the others. */
  readonly body: BodySource | undefined;
  /** What was wrong with the words of one of them, and was mended. */
  readonly flaw: AnswerError | undefined;
}

/**
 * Encodes the modifications of a message in words (`HeaderEncoder`) and in an order (`orderChanges`) that mean the
 * same on every MTA, the body in one run at the end, as Postfix needs it. Throws an `AnswerError` for one that is
 * malformed, too long, or lacks its right and is not to be skipped.
 */
export function encodeModifications(
  modifications: readonly Modification[],
  wording: Wording,
  message?: MessageScope,
): ModificationPlan {
  const { maxData } = wording.agreement;
  const changes = grantedChanges(modifications, wording, message);
  const headers = new HeaderEncoder(wording);
  const encoded: EncodedChange[] = [];
  let body: BodySource | undefined;
  let current: Modification | undefined;
  let flaw: AnswerError | undefined;
  try {
    for (const given of worded(changes.granted, wording, message)) {
      current = given;
      const modification = checkModification(given);
      flaw ??= flawOf(given) ?? flawOf(modification);
      const sameName = SAME_NAME.get(given);
      const reply =
        modification.kind === 'replaceBody' ? undefined : wireReply(modification, wording, headers, sameName);
      if (modification.kind === 'replaceBody') {
        body = modification.body;
      } else if (reply !== undefined) {
        const frame = replyCodec.encode(reply);
        if (frame.length - 5 > maxData) {
          throw new AnswerError(
            `${nameOf(modification)}: ${frame.length - 5} bytes; ${maxData} is the limit on this connection.`,
          );
        }
        encoded.push({ reply, frame, sameName });
      }
    }
  } catch (error) {
    throw located(error, message?.giverOf(current));
  }
  const ordered = orderChanges(encoded);
  if (typeof body === 'string') body = Buffer.from(body);
  if (body instanceof Uint8Array && body.length === 0 && wording.profile.needsBody) body = EMPTY_BODY;
  if (!(body instanceof Uint8Array) || body.length > AT_ONCE) return { changes, frames: ordered, body, flaw };
  return { changes, frames: [...ordered, ...bodyFrames(body)], body: undefined, flaw };
}

/** Where it is known which headers there are, those that are changed and are not there are added. */
function worded(
  modifications: readonly Modification[],
  { agreement, profile, shownHeaders }: Wording,
  message: MessageScope | undefined,
): readonly Modification[] {
  const { ADDHDRS, CHGHDRS } = SMFIF;
  const may = (agreement.actions & ADDHDRS) !== 0 && (agreement.actions & CHGHDRS) !== 0;
  const all = shownHeaders === undefined || !may ? modifications : addAbsent(modifications, shownHeaders);
  return profile.adds === 'at the top'
    ? fromTheLowest(all, shownHeaders ?? [], profile.countsName, message)
    : all;
}

/**
 * The frames that replace the body, one at least, of the usual size even where larger ones were agreed to
 * (libmilter).
 */
export function bodyFrames(bytes: Uint8Array): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at === 0 || at < bytes.length; at += USUAL) {
    frames.push(replyCodec.encode({ type: 'replaceBody', data: bytes.subarray(at, at + USUAL) }));
  }
  return frames;
}

function wireReply(
  modification: Exclude<Modification, { kind: 'replaceBody' }>,
  { agreement: { actions }, profile }: Wording,
  headers: HeaderEncoder,
  sameName: SameName | undefined,
): EncodedChange['reply'] {
  switch (modification.kind) {
    case 'addHeader':
    case 'insertHeader':
    case 'changeHeader':
      return headers.encode(modification, sameName);
    case 'deleteHeader':
      return { type: 'changeHeader', index: modification.index, name: modification.name, value: '' };
    case 'addRecipient': {
      const type = addRecipientReply(modification, actions);
      if (type === 'addRecipientPar') return { type, ...addressed(modification, profile) };
      return { type, ...text(modification.address, profile) };
    }
    case 'deleteRecipient': {
      const { address } = modification;
      const small = profile.smallRecipients ? utf8Of(address).toLowerCase() : address;
      return { type: 'deleteRecipient', ...text(small, profile) };
    }
    case 'changeSender':
      return { type: 'changeSender', ...addressed(modification, profile, profile.noArguments) };
    case 'quarantine':
      return { type: 'quarantine', ...text(modification.reason, profile) };
  }
}

function nameOf(modification: Modification): string {
  return 'name' in modification ? `${modification.kind} ${modification.name}` : modification.kind;
}

function text(given: Text, { utf8Only }: Profile): { text: string; raw?: Uint8Array } {
  if (typeof given === 'string') return { text: given };
  return utf8Only ? { text: utf8Of(given) } : { text: '', raw: given };
}

/** In a reply all arguments are one string, unlike in an event. */
function addressed(
  { address, args }: AddRecipient | ChangeSender,
  profile: Profile,
  noArguments: readonly string[] = [],
): { address: string; args: readonly string[]; raw?: Uint8Array } {
  const { text: known, ...raw } = text(address, profile);
  return { address: known, args: args.length === 0 ? noArguments : [args.join(' ')], ...raw };
}
