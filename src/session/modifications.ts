import { quote } from '../common/printable.js';
import { made } from './answer-watch.js';
import {
  checkAddress,
  checkArguments,
  checkHeaderIndex,
  checkHeaderName,
  checkLineText,
  headerValue,
  type Text,
} from './check-text.js';
import { AnswerError } from './errors.js';

export type { Text };

/** A new body: all of it at once, or piece by piece, as a Node stream or any (async) iterable. */
export type BodySource = Text | Iterable<Text> | AsyncIterable<Text>;

/** Where a header goes: above everything, below everything, or before the n-th header (from 1) of the message. */
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
 * The MTA writes a blank between colon and value, but under the option `leadingSpace`. Under a name that Sendmail makes
 * up where it is missing (Date, From, Message-Id …) it takes the place of what Sendmail would make.
 *
 * @param value text (written as UTF-8) or bytes; folded lines have a line feed and then a blank or tab
 * @throws AnswerError where the name is no header name, or the value could break out of its header
 * @example on('eom', () => addHeader('X-Scanned', 'yes'))
 */
export function addHeader(name: string, value: Text): AddHeader {
  checkHeaderName('addHeader', name);
  return made({ kind: 'addHeader', name, value: headerValue(`addHeader ${name}`, value) }, addHeader);
}

/**
 * Adds a recipient (libmilter's `smfi_addrcpt`, with arguments `smfi_addrcpt_par`). It needs the right `ADDRCPT`, with
 * arguments `ADDRCPT_PAR`.
 *
 * @remarks
 * The MTA does not say whether it could; the new recipient makes no `rcpt` event.
 *
 * @param address with or without angle brackets
 * @param args ESMTP arguments, each as a string of its own
 * @throws AnswerError where the address is empty or holds blanks or control characters, or an argument does
 * @example on('eom', () => addRecipient('archive@example.org', ['NOTIFY=NEVER']))
 */
export function addRecipient(address: Text, args: readonly string[] = []): AddRecipient {
  const checked = checkArguments('addRecipient', args);
  return made(
    { kind: 'addRecipient', address: checkAddress('addRecipient', address, false), args: checked },
    addRecipient,
  );
}

/**
 * Changes a header (libmilter's `smfi_chgheader`); needs the right `CHGHDRS`.
 *
 * @param value the new value; an empty one deletes the header, as the protocol has it
 * @param index which of the headers of that name, from 1, as the filter was shown them; where there are fewer, the
 *   header is added
 * @throws AnswerError as `addHeader` does, and for an index that cannot be
 * @example on('eom', () => changeHeader('Subject', '[EXTERNAL] hello'))
 */
export function changeHeader(name: string, value: Text, index = 1): ChangeHeader {
  checkHeaderName('changeHeader', name);
  checkHeaderIndex('changeHeader', index);
  return made(
    { kind: 'changeHeader', name, index, value: headerValue(`changeHeader ${name}`, value) },
    changeHeader,
  );
}

/**
 * Changes the envelope sender (libmilter's `smfi_chgfrom`); needs the right `CHGFROM`.
 *
 * @param address with or without angle brackets; `''` is the null sender
 * @param args ESMTP arguments, each as a string of its own (`RET=HDRS`)
 * @throws AnswerError where the address holds blanks or control characters, or an argument does
 * @example on('eom', () => changeSender('bounces@example.org'))
 */
export function changeSender(address: Text, args: readonly string[] = []): ChangeSender {
  const checked = checkArguments('changeSender', args);
  return made(
    { kind: 'changeSender', address: checkAddress('changeSender', address, true), args: checked },
    changeSender,
  );
}

/**
 * Deletes a header (libmilter's `smfi_chgheader` with no value); needs the right `CHGHDRS`.
 *
 * @remarks
 * Several of one name may be deleted in any order: each index counts the headers as the filter was shown them.
 *
 * @param index which of the headers of that name, from 1; where there are fewer, nothing happens
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
 * @param address best the `raw` of its `rcpt` event: MTAs compare what was given at RCPT. Where it is no recipient,
 *   nothing happens.
 * @throws AnswerError where the address is empty or holds blanks or control characters
 * @example on('eom', () => deleteRecipient('old@example.org'))
 */
export function deleteRecipient(address: Text): DeleteRecipient {
  return made(
    { kind: 'deleteRecipient', address: checkAddress('deleteRecipient', address, false) },
    deleteRecipient,
  );
}

/**
 * Inserts a header (libmilter's `smfi_insheader`); needs the right `ADDHDRS`.
 *
 * @param position `'top'`: above everything, the MTA's own Received line included; `'bottom'`: below everything; `n`:
 *   before the n-th header (from 1) that the filter was shown. In Sendmail places from 2 on are right for the headers
 *   that its standard configuration defines; for others see the option `sendmailHeaders`.
 * @throws AnswerError as `addHeader` does, and for a position that cannot be
 * @example on('eom', () => insertHeader('top', 'Authentication-Results', 'mx.example.org; none'))
 */
export function insertHeader(position: HeaderPosition, name: string, value: Text): InsertHeader {
  checkPosition(position);
  checkHeaderName('insertHeader', name);
  return made(
    { kind: 'insertHeader', position, name, value: headerValue(`insertHeader ${name}`, value) },
    insertHeader,
  );
}

function checkPosition(position: unknown): void {
  if (position === 'top' || position === 'bottom') return;
  if (typeof position === 'number' && Number.isInteger(position) && position >= 1 && position < 0x7fffffff)
    return;
  throw new AnswerError(
    `insertHeader: the position ${quote(position)} cannot be. Use 'top', 'bottom' or a whole number from 1.`,
  );
}

/**
 * Has the MTA hold the message (libmilter's `smfi_quarantine`); needs the right `QUARANTINE`. The client sees success.
 *
 * @param reason one line; Postfix keeps its first 100 bytes
 * @throws AnswerError where the reason is empty or holds CR, LF or NUL
 * @example on('eom', () => quarantine('looks like a virus'))
 */
export function quarantine(reason: Text): Quarantine {
  checkLineText('quarantine', reason);
  return made({ kind: 'quarantine', reason }, quarantine);
}

/**
 * Replaces the body (libmilter's `smfi_replacebody`); needs the right `CHGBODY`.
 *
 * @remarks
 * Lines end with CRLF. An empty body is one. A source that gives pieces is read to its end, into memory or a temporary
 * file, before anything of the answer is written. It is finished (`return()`, or `destroy()` of a stream) when the
 * message is aborted; where it fails or does not end in time, the message gets the failure decision, unchanged. Headers that describe the body (Content-Length, Content-Transfer-Encoding …) are the filter's
 * business. The last replacement wins.
 *
 * @param body text (UTF-8), bytes, or a Node stream or other (async) iterable of either; a source is read once
 * @throws AnswerError for anything else, and for a stream that has been read to its end already, which would leave the
 *   message without a body
 * @example on('eom', () => replaceBody(createReadStream('notice.txt')))
 */
export function replaceBody(body: BodySource): ReplaceBody {
  if (isBodySource(body)) {
    if (!isReadThrough(body)) return made({ kind: 'replaceBody', body }, replaceBody);
    throw new AnswerError(
      'replaceBody: the stream has been read to its end already, and gives nothing any more. ' +
        'Give what was read from it, or a new stream.',
    );
  }
  throw new AnswerError(
    'replaceBody: the body is neither text, nor bytes, nor an (async) iterable or a Node stream of them.',
  );
}

function isBodySource(body: unknown): body is BodySource {
  if (typeof body === 'string' || body instanceof Uint8Array) return true;
  return (
    typeof body === 'object' && body !== null && (Symbol.asyncIterator in body || Symbol.iterator in body)
  );
}

/** Whether it is a Node stream that says so. Of one that is destroyed or has failed, reading it says what is wrong. */
function isReadThrough(body: BodySource): boolean {
  return typeof body === 'object' && 'readableEnded' in body && body.readableEnded === true;
}

/** Checks a modification that may not have come from its constructor: an object can be written by hand. */
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
