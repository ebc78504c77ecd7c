import { checkArgument, checkOptions, string } from '../../common/options.js';
import { isPromise } from '../../common/promises.js';
import { textOf } from '../../common/text-of.js';
import { noteMade } from '../../session/answer-watch.js';
import { checkAddress, checkArguments } from '../../session/check-text.js';
import type { EnvelopePath } from '../../session/envelope-path.js';
import { AnswerError } from '../../session/errors.js';
import { flawed } from '../../session/flaws.js';
import {
  type BodySource,
  type Edit,
  type Modification,
  changeSender,
  replaceBody,
} from '../../session/modifications.js';
import { StoredBody } from '../body/stored-body.js';
import { changesOf, CollectedMessage, type MessageOrigin } from '../collected-message.js';
import { writtenPath } from '../envelope-path.js';
import { headerBytes } from '../headers/header-field.js';
import type { BodyMode, Message } from '../message.js';
import { appendText, PatchedBody } from './append-text.js';
import { DraftHeaders } from './draft-headers.js';
import { DraftRecipients, equal } from './draft-recipients.js';
import { type DraftState, checkOpen } from './draft-state.js';
import { headerChanges } from './header-changes.js';
import { recipientChanges } from './recipient-changes.js';

/** A message that is being changed; see `edit()`. */
export interface Draft {
  readonly headers: DraftHeaders;
  readonly recipients: DraftRecipients;
  /** The sender; `''` is the null sender. */
  get sender(): EnvelopePath;
  /** Sets the sender: an address, or an address and its ESMTP arguments. */
  set sender(sender: string | { readonly address: string; readonly args?: readonly string[] });
  /** The new body, once it has been set: text, bytes, or a source of either. */
  body: BodySource | undefined;
  /**
   * Puts a text below the text of the message, as a footer is.
   *
   * @remarks
   * That is where the text ends for readers of plain text and for those of HTML: in an `alternative` both parts get it, of
   * a `mixed` the last part that is shown (RFC 8621, 4.1.4). All transfer encodings are kept, all charsets are understood
   * that `TextDecoder` knows; a part is written in UTF-8 where its charset lacks a character. Attachments are left alone,
   * and so is a message whose text is signed or encrypted (S/MIME, PGP). Wait for it before the project ends.
   *
   * @param options.html what HTML gets instead, put before `</body>`; by default the text, escaped, in a `<div>`
   * @returns whether it could: `false` where nothing was changed
   * @throws Error (the promise) where the optional package `@zone-eu/mailsplit` is not installed
   * @throws AnswerError (the promise) where the body is not here: it needs `body: 'buffer'`
   * @example
   * onMessage(async (message, { draft }) => {
   *   await draft.appendText('-- \nSent by Example Org', { html: '<hr>Sent by <b>Example Org</b>' });
   * })
   */
  appendText(text: string, options?: { readonly html?: string | undefined }): Promise<boolean>;
}

/**
 * Changes a message: gives `change` a draft, and makes of it the fewest modifications.
 *
 * @remarks
 * The draft begins with the changes of earlier filters, which the edit contains and stands for. Other modifications and a
 * decision may stand beside an edit in an array; two edits of one message may not.
 *
 * @param message what `onMessage()` gives to its project
 * @param change changes the draft, at once or in an async function
 * @throws AnswerError where the draft is given what cannot stand in a message, with the stack of the line that gave it
 * @throws TypeError where `message` is not a message, or `change` not a function, or returns an Observable or a generator
 * @example
 * onMessage({ body: 'none' }, (message) =>
 *   edit(message, ({ headers }) => {
 *     headers.set('Subject', `[external] ${headerText(headers.get('Subject') ?? '')}`);
 *   }),
 * )
 */
export function edit<B extends BodyMode>(
  message: Message<B>,
  change: (draft: Draft) => PromiseLike<void>,
): Promise<Edit>;
export function edit<B extends BodyMode>(message: Message<B>, change: (draft: Draft) => void): Edit;
export function edit(message: Message<BodyMode>, change: (draft: Draft) => unknown): Edit | Promise<Edit> {
  const origin = CollectedMessage.originOf(message);
  if (origin === undefined) {
    throw new TypeError(
      'edit(): the first argument is not a message. Give it what onMessage() gives to its project.',
    );
  }
  if (typeof change !== 'function') throw new TypeError('edit(): the second argument has to be a function.');
  noteMade('edit', edit);
  const draft = draftOf(message);
  const result = change(draft);
  if (isUnread(result)) {
    throw new TypeError(
      'edit(): the second argument returned an Observable or a generator, which would not be read. ' +
        'Let it be an async function, or return a promise: lastValueFrom(…).',
    );
  }
  return isPromise(result)
    ? Promise.resolve(result).then(() => editOf(message, origin, draft))
    : editOf(message, origin, draft);
}

/** A draft of a message. */
export function draftOf(message: Message<BodyMode>): Draft {
  // A property that is set by a wrong name, or in place of the headers, would be lost without a word: it throws.
  return Object.freeze(new MessageDraft(message));
}

/** The edit that a draft has become; nothing where nothing was changed, by this draft or an earlier filter. */
export function editOfDraft(message: Message<BodyMode>, draft: Draft): Edit | undefined {
  const origin = CollectedMessage.originOf(message);
  const made = origin && editOf(message, origin, draft);
  return made === undefined || made.modifications.length + made.replaces.length === 0 ? undefined : made;
}

/** A class, since an object literal with accessors has a shape of its own for each message. */
class MessageDraft implements Draft {
  readonly headers: DraftHeaders;
  readonly recipients: DraftRecipients;
  readonly #message: Message<BodyMode>;
  readonly #state: DraftState = { closed: false };
  #sender: EnvelopePath;
  #body: BodySource | undefined;
  /** The texts that are being appended: one after the other, each to what the last one has left. */
  #appended: Promise<unknown> = Promise.resolve();
  #appending = 0;

  constructor(message: Message<BodyMode>) {
    this.#message = message;
    this.headers = new DraftHeaders(message.headers.fields(), message.session.leadingSpace, this.#state);
    this.recipients = new DraftRecipients(message.recipients, this.#state);
    this.#sender = message.sender;
  }

  /** The edit of the draft is made; the flaw of a value in it, if any. */
  static close(draft: Draft): AnswerError | undefined {
    if (!(draft instanceof MessageDraft)) return undefined;
    draft.#state.closed = true;
    if (draft.#appending > 0) {
      throw new AnswerError('draft.appendText: it was not waited for, and its text is lost: await it.');
    }
    return draft.#state.flaw;
  }

  get sender(): EnvelopePath {
    return this.#sender;
  }

  set sender(given: string | { readonly address: string; readonly args?: readonly string[] }) {
    const { address, args = [] } = typeof given === 'string' ? { address: given } : checked(given);
    checkOpen(this.#state);
    checkAddress('draft.sender', address, true);
    this.#sender = writtenPath(address, checkArguments('draft.sender', args));
  }

  get body(): BodySource | undefined {
    return this.#body;
  }

  set body(given: BodySource | undefined) {
    checkOpen(this.#state);
    // The body of the message itself is no change, whatever has been read of it.
    if (given !== undefined && given !== this.#message.body) replaceBody(given);
    this.#body = given;
  }

  appendText(text: string, options: { readonly html?: string | undefined } = {}): Promise<boolean> {
    checkOpen(this.#state);
    checkArgument('draft.appendText()', 'the text', text, string);
    checkOptions('draft.appendText()', options, { html: string });
    this.#appending++;
    const appended = this.#appended
      .then(() => this.#appendText(text, options.html))
      .finally(() => this.#appending--);
    // A failure is told to the one who waits; where that is forgotten, the end of the draft tells it.
    this.#appended = appended.catch(() => undefined);
    return appended;
  }

  async #appendText(text: string, html: string | undefined): Promise<boolean> {
    const { session, body: old } = this.#message;
    const body = this.#body ?? old;
    if (body instanceof StoredBody && !body.complete) return false;
    const header = Buffer.concat([
      headerBytes(this.headers.fields(), session.leadingSpace),
      Buffer.from('\r\n'),
    ]);
    const made = await appendText(header, rereadable(body), text, html);
    if (made === undefined) return false;
    for (const [name, value] of made.fields) this.headers.set(name, value);
    this.body = made.body;
    return true;
  }
}

/** @throws AnswerError where the body is not here, or can be read only once */
function rereadable(body: BodySource | undefined): AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
  if (body instanceof StoredBody || body instanceof PatchedBody) return body;
  if (typeof body === 'string') return [Buffer.from(body)];
  if (body instanceof Uint8Array) return [body];
  throw new AnswerError(
    body === undefined
      ? "draft.appendText: the body is not here. It needs onMessage() with body: 'buffer', the default."
      : 'draft.appendText: the body can be read only once. Append to a text or to bytes, or before the body is set.',
  );
}

function checked<T>(given: T): T {
  if (typeof given === 'object' && given !== null) return given;
  throw new AnswerError(
    `draft.sender: ${textOf(given)} is neither an address nor { address, args }. '' is the null sender.`,
  );
}

/** Each part of the draft that was changed as new modifications, and the others as earlier filters have them. */
function editOf(message: Message<BodyMode>, origin: MessageOrigin, draft: Draft): Edit {
  const flaw = MessageDraft.close(draft);
  const { modifications: replaces, session } = message;
  const { sender, body } = draft;
  const fields = draft.headers.fields();
  const recipients = [...draft.recipients];
  const modifications: Modification[] = [];
  const parts = [
    fields === message.headers.fields()
      ? changesOf('headers', replaces)
      : headerChanges(origin.fields, fields, session.leadingSpace),
    equal(recipients, message.recipients)
      ? changesOf('recipients', replaces)
      : recipientChanges(origin.recipients, recipients),
    sender === message.sender ? changesOf('sender', replaces) : senderChange(origin.sender, sender),
    body === undefined || body === message.body ? changesOf('body', replaces) : bodyChange(message, body),
    changesOf('other', replaces),
  ];
  for (const part of parts) for (const one of part) modifications.push(one);
  if (flaw !== undefined && modifications[0] !== undefined) flawed(modifications[0], flaw);
  return { kind: 'edit', modifications, replaces };
}

function senderChange(from: EnvelopePath, { address, args }: EnvelopePath): Modification[] {
  return address === from.address && equal(args, from.args) ? [] : [changeSender(address, args)];
}

function bodyChange({ body: old, modifications }: Message<BodyMode>, body: BodySource): Modification[] {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const isSame = old instanceof StoredBody && bytes instanceof Uint8Array && old.is(bytes);
  return isSame && changesOf('body', modifications).length === 0 ? [] : [replaceBody(body)];
}

/** Whether nothing of it has run, or will: `() => void` lets functions return what they like. */
function isUnread(result: unknown): boolean {
  return (
    typeof result === 'object' &&
    result !== null &&
    ('subscribe' in result ||
      Symbol.asyncIterator in result ||
      (Symbol.iterator in result && 'next' in result))
  );
}
