import { whole } from '../common/options.js';
import { quote } from '../common/printable.js';
import { made } from './answer-watch.js';
import {
  checkAddress,
  checkArguments,
  checkHeaderIndex,
  checkHeaderName,
  mendedLine,
  mendedValue,
  type Text,
} from './check-text.js';
import { AnswerError } from './errors.js';
import { flawed } from './flaws.js';

export type { Text };

/** A new body: all of it at once, or piece by piece, as a Node stream or any (async) iterable. */
export type BodySource = Text | Iterable<Text> | AsyncIterable<Text>;

/** Where a header goes: above all others, below them, or before the n-th header (from 1) of the message. */
export type HeaderPosition = 'top' | 'bottom' | number;

/** See `addHeader()`. */
export interface AddHeader {
  readonly kind: 'addHeader';
  readonly name: string;
  readonly value: Text;
}
/** See `insertHeader()`. */
export interface InsertHeader {
  readonly kind: 'insertHeader';
  readonly position: HeaderPosition;
  readonly name: string;
  readonly value: Text;
}
/** See `changeHeader()`. */
export interface ChangeHeader {
  readonly kind: 'changeHeader';
  readonly name: string;
  readonly index: number;
  readonly value: Text;
}
/** See `deleteHeader()`. */
export interface DeleteHeader {
  readonly kind: 'deleteHeader';
  readonly name: string;
  readonly index: number;
}
/** See `replaceBody()`. */
export interface ReplaceBody {
  readonly kind: 'replaceBody';
  readonly body: BodySource;
}
/** See `addRecipient()`. */
export interface AddRecipient {
  readonly kind: 'addRecipient';
  readonly address: Text;
  readonly args: readonly string[];
}
/** See `deleteRecipient()`. */
export interface DeleteRecipient {
  readonly kind: 'deleteRecipient';
  readonly address: Text;
}
/** See `changeSender()`. */
export interface ChangeSender {
  readonly kind: 'changeSender';
  readonly address: Text;
  readonly args: readonly string[];
}
/** See `quarantine()`. */
export interface Quarantine {
  readonly kind: 'quarantine';
  readonly reason: Text;
}

const PLACE = whole(1, 0x7ffffffe);

/** A change to the message; only at `eom`. */
export type Modification =
  | AddHeader
  | InsertHeader
  | ChangeHeader
  | DeleteHeader
  | ReplaceBody
  | AddRecipient
  | DeleteRecipient
  | ChangeSender
  | Quarantine;

/** See `edit()`. */
export interface Edit {
  readonly kind: 'edit';
  /** All that is to be changed, `replaces` included. */
  readonly modifications: readonly Modification[];
  /** What earlier filters wanted to change: it is superseded. */
  readonly replaces: readonly Modification[];
}

/**
 * Adds a header at the end of the headers (libmilter's `smfi_addheader`); needs the right `ADDHDRS`.
 *
 * @remarks
 * The MTA writes a blank after the colon, but under the option `leadingSpace`. Under a name that Sendmail makes up
 * where it is missing (Date, From, Message-Id …) it takes the place of Sendmail's.
 *
 * @param value text (written as UTF-8) or bytes; folded lines have a line feed and then a blank or tab
 * @throws AnswerError where the name is no header name, or the value could break out of its header
 * @example on('eom', () => addHeader('X-Scanned', 'yes'))
 */
export function addHeader(name: string, value: Text): AddHeader {
  checkHeaderName('addHeader', name);
  const mended = mendedValue(`addHeader ${name}`, value);
  return made(flawed({ kind: 'addHeader', name, value: mended.value }, mended.fault), addHeader);
}

/**
 * Adds a recipient (libmilter's `smfi_addrcpt`, `smfi_addrcpt_par`).
 *
 * @remarks
 * It needs the right `ADDRCPT`, with arguments `ADDRCPT_PAR`. The MTA does not say whether it could; the new recipient
 * makes no `rcpt` event.
 *
 * @param address with or without angle brackets
 * @param args ESMTP arguments, each as a string of its own
 * @throws AnswerError where the address is empty, or it or an argument holds blanks or control characters
 * @example on('eom', () => addRecipient('archive@example.org', ['NOTIFY=NEVER']))
 */
export function addRecipient(address: Text, args: readonly string[] = []): AddRecipient {
  const checked = checkArguments('addRecipient', args);
  const whose = checkAddress('addRecipient', address, false);
  return made({ kind: 'addRecipient', address: whose, args: checked }, addRecipient);
}

/**
 * Changes a header (libmilter's `smfi_chgheader`); needs the right `CHGHDRS`.
 *
 * @param value the new value; an empty one deletes the header, as the protocol has it
 * @param index which header of that name, from 1, as the filter was shown them; beyond the last one it is added
 * @throws AnswerError as `addHeader` does, and for an index that cannot be
 * @example on('eom', () => changeHeader('Subject', '[EXTERNAL] hello'))
 */
export function changeHeader(name: string, value: Text, index = 1): ChangeHeader {
  checkHeaderName('changeHeader', name);
  checkHeaderIndex('changeHeader', index);
  const mended = mendedValue(`changeHeader ${name}`, value);
  return made(flawed({ kind: 'changeHeader', name, index, value: mended.value }, mended.fault), changeHeader);
}

/**
 * Changes the envelope sender (libmilter's `smfi_chgfrom`); needs the right `CHGFROM`.
 *
 * @param address with or without angle brackets; `''` is the null sender
 * @param args ESMTP arguments, each as a string of its own (`RET=HDRS`)
 * @throws AnswerError where the address or an argument holds blanks or control characters
 * @example on('eom', () => changeSender('bounces@example.org'))
 */
export function changeSender(address: Text, args: readonly string[] = []): ChangeSender {
  const checked = checkArguments('changeSender', args);
  const whose = checkAddress('changeSender', address, true);
  return made({ kind: 'changeSender', address: whose, args: checked }, changeSender);
}

/**
 * Deletes a header (libmilter's `smfi_chgheader` with no value); needs the right `CHGHDRS`.
 *
 * @param index which header of that name, from 1, as the filter was shown them; beyond the last one nothing happens
 * @throws AnswerError where the name is no header name or the index none
 * @example on('eom', () => [deleteHeader('X-Spam', 1), deleteHeader('X-Spam', 2)])
 */
export function deleteHeader(name: string, index = 1): DeleteHeader {
  checkHeaderName('deleteHeader', name);
  checkHeaderIndex('deleteHeader', index);
  return made({ kind: 'deleteHeader', name, index }, deleteHeader);
}

/**
 * Deletes a recipient (libmilter's `smfi_delrcpt`); needs the right `DELRCPT`.
 *
 * @param address best the `raw` of its `rcpt` event, which MTAs compare; where it is no recipient nothing happens
 * @throws AnswerError where the address is empty or holds blanks or control characters
 * @example on('eom', () => deleteRecipient('old@example.org'))
 */
export function deleteRecipient(address: Text): DeleteRecipient {
  const whose = checkAddress('deleteRecipient', address, false);
  return made({ kind: 'deleteRecipient', address: whose }, deleteRecipient);
}

/**
 * Inserts a header (libmilter's `smfi_insheader`); needs the right `ADDHDRS`.
 *
 * @param position `'top'`: above the MTA's own Received line; `'bottom'`: below everything; `n`: before the n-th
 *   header (from 1) that the filter was shown. For Sendmail see the option `sendmailHeaders`.
 * @throws AnswerError as `addHeader` does, and for a position that cannot be
 * @example on('eom', () => insertHeader('top', 'Authentication-Results', 'mx.example.org; none'))
 */
export function insertHeader(position: HeaderPosition, name: string, value: Text): InsertHeader {
  const isPlace = position === 'top' || position === 'bottom' || PLACE.check(position) === 'right';
  if (!isPlace) {
    throw new AnswerError(
      `insertHeader: the position ${quote(position)} cannot be. Use 'top', 'bottom' or a whole number from 1.`,
    );
  }
  checkHeaderName('insertHeader', name);
  const mended = mendedValue(`insertHeader ${name}`, value);
  return made(
    flawed({ kind: 'insertHeader', position, name, value: mended.value }, mended.fault),
    insertHeader,
  );
}

/**
 * Has the MTA hold the message (libmilter's `smfi_quarantine`); needs the right `QUARANTINE`.
 *
 * @remarks
 * The client sees success.
 *
 * @param reason one line; Postfix keeps its first 100 bytes
 * @throws AnswerError where the reason is empty or holds CR, LF or NUL
 * @example on('eom', () => quarantine('looks like a virus'))
 */
export function quarantine(reason: Text): Quarantine {
  const mended = mendedLine('quarantine', reason);
  return made(flawed({ kind: 'quarantine', reason: mended.value }, mended.fault), quarantine);
}

/**
 * Replaces the body (libmilter's `smfi_replacebody`); needs the right `CHGBODY`.
 *
 * @remarks
 * Lines end with CRLF. A source that gives pieces is read to its end, into memory or a temporary file, before anything
 * is written; on abort it is finished (`return()`, or `destroy()` of a stream), and where it fails or is late the
 * message gets the failure decision, unchanged. Headers that describe the body are the filter's to change. The last
 * replacement wins.
 *
 * @param body text (UTF-8), bytes, or a Node stream or other (async) iterable of either, which is read once
 * @throws AnswerError for anything else, and for a stream that has been read to its end already
 * @example on('eom', () => replaceBody(createReadStream('notice.txt')))
 */
export function replaceBody(body: BodySource): ReplaceBody {
  if (!isBodySource(body)) {
    throw new AnswerError(
      'replaceBody: the body is neither text, nor bytes, nor an (async) iterable or a Node stream of them.',
    );
  }
  // Of a stream that is destroyed or has failed, reading it says what is wrong.
  if (typeof body === 'object' && 'readableEnded' in body && body.readableEnded === true) {
    throw new AnswerError(
      'replaceBody: the stream has been read to its end already, and gives nothing any more. ' +
        'Give what was read from it, or a new stream.',
    );
  }
  return made({ kind: 'replaceBody', body }, replaceBody);
}

function isBodySource(body: unknown): body is BodySource {
  if (typeof body === 'string' || body instanceof Uint8Array) return true;
  return (
    typeof body === 'object' && body !== null && (Symbol.asyncIterator in body || Symbol.iterator in body)
  );
}

/** Checks a modification that may not have come from its constructor: an object can be written by hand. */
export function checkModification<M extends Modification>(given: M): M;
export function checkModification(given: Modification): Modification {
  switch (given.kind) {
    case 'addHeader':
      return addHeader(given.name, given.value);
    case 'insertHeader':
      return insertHeader(given.position, given.name, given.value);
    case 'changeHeader':
      return changeHeader(given.name, given.value, given.index);
    case 'deleteHeader':
      return deleteHeader(given.name, given.index);
    case 'replaceBody':
      return replaceBody(given.body);
    case 'addRecipient':
      return addRecipient(given.address, given.args);
    case 'deleteRecipient':
      return deleteRecipient(given.address);
    case 'changeSender':
      return changeSender(given.address, given.args);
    case 'quarantine':
      return quarantine(given.reason);
    default:
      throw new AnswerError(`${quote(given)} is not a modification.`);
  }
}
