import { SMFIF } from '../../transport/wire/flags.js';
import { REPLIES, type ReplyName, replyCodec } from '../../transport/wire/replies.js';
import { giverOf, located } from '../answer-watch.js';
import { rightsOf } from '../connection/session-state.js';
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
import { addAbsent } from './absent-headers.js';
import { HeaderEncoder, type Wording } from './header-encoder.js';
import { type EncodedChange, orderChanges, SAME_NAME, type SameName } from './order-changes.js';

/** A body of at most so many bytes is written without asking the peer whether it takes them. */
const AT_ONCE = 8 * USUAL;

/** The changes to a message, ready for the wire. */
export interface ModificationPlan {
  readonly frames: readonly Buffer[];
  /** A body that is read or written piece by piece; its frames follow on the others. */
  readonly body: BodySource | undefined;
  /** What was wrong with the words of one of them, and was mended. */
  readonly flaw: AnswerError | undefined;
}

/**
 * Encodes the modifications of a message in words (`HeaderEncoder`) and in an order (`orderChanges`) that mean the
 * same on every MTA, the body in one run at the end, as Postfix needs it. Throws an `AnswerError` for one that is
 * malformed, too long or lacks its right.
 */
export function encodeModifications(
  modifications: readonly Modification[],
  wording: Wording,
): ModificationPlan {
  const { actions, maxData } = wording.agreement;
  const headers = new HeaderEncoder(wording);
  const changes: EncodedChange[] = [];
  let body: BodySource | undefined;
  let current: Modification | undefined;
  let flaw: AnswerError | undefined;
  try {
    for (const given of worded(modifications, wording)) {
      current = given;
      const modification = checkModification(given);
      flaw ??= flawOf(given) ?? flawOf(modification);
      if (modification.kind === 'replaceBody') {
        needRight(modification, 'replaceBody', actions);
        body = modification.body;
      } else {
        const sameName = SAME_NAME.get(given);
        const reply = wireReply(modification, wording, headers, sameName);
        needRight(modification, reply.type, actions);
        const frame = replyCodec.encode(reply);
        if (frame.length - 5 > maxData) {
          throw new AnswerError(
            `${nameOf(modification)}: ${frame.length - 5} bytes; ${maxData} is the limit on this connection.`,
          );
        }
        changes.push({ reply, frame, sameName });
      }
    }
  } catch (error) {
    throw located(error, giverOf(current));
  }
  const ordered = orderChanges(changes);
  if (typeof body === 'string') body = Buffer.from(body);
  if (!(body instanceof Uint8Array) || body.length > AT_ONCE) return { frames: ordered, body, flaw };
  return { frames: [...ordered, ...bodyFrames(body)], body: undefined, flaw };
}

/** Where it is known which headers there are, those that are changed and are not there are added. */
function worded(
  modifications: readonly Modification[],
  { agreement, shownHeaders }: Wording,
): readonly Modification[] {
  const { ADDHDRS, CHGHDRS } = SMFIF;
  const may = (agreement.actions & ADDHDRS) !== 0 && (agreement.actions & CHGHDRS) !== 0;
  return shownHeaders === undefined || !may ? modifications : addAbsent(modifications, shownHeaders);
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
      const { ADDRCPT, ADDRCPT_PAR } = SMFIF;
      const parOnly = (actions & (ADDRCPT | ADDRCPT_PAR)) === ADDRCPT_PAR;
      if (modification.args.length > 0 || parOnly)
        return { type: 'addRecipientPar', ...addressed(modification) };
      return { type: 'addRecipient', ...text(modification.address) };
    }
    case 'deleteRecipient':
      return { type: 'deleteRecipient', ...text(modification.address) };
    case 'changeSender':
      return { type: 'changeSender', ...addressed(modification, profile.noArguments) };
    case 'quarantine':
      return { type: 'quarantine', ...text(modification.reason) };
  }
}

function nameOf(modification: Modification): string {
  return 'name' in modification ? `${modification.kind} ${modification.name}` : modification.kind;
}

function needRight(modification: Modification, reply: ReplyName, actions: number): void {
  const right = REPLIES[reply].right;
  if ((right & actions) === right) return;
  throw new AnswerError(
    `${modification.kind} needs the right ${rightsOf(right).join()}, which the MTA has not granted to this connection. ` +
      "Ask for it with the option 'requireRights', and such an MTA is refused at negotiation.",
  );
}

function text(given: Text): { text: string; raw?: Uint8Array } {
  return typeof given === 'string' ? { text: given } : { text: '', raw: given };
}

/** In a reply all arguments are one string, unlike in an event. */
function addressed(
  { address, args }: AddRecipient | ChangeSender,
  noArguments: readonly string[] = [],
): { address: string; args: readonly string[]; raw?: Uint8Array } {
  const { text: known, ...raw } = text(address);
  return { address: known, args: args.length === 0 ? noArguments : [args.join(' ')], ...raw };
}
