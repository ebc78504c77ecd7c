import { textOf } from '../common/text-of.js';
import { checkAddress, checkArguments } from '../session/check-text.js';
import { AnswerError } from '../session/errors.js';
import { type BodySource, replaceBody } from '../session/modifications.js';
import { DraftHeaders } from './draft-headers.js';
import { DraftRecipients } from './draft-recipients.js';
import type { Draft } from './draft.js';
import { type EnvelopePath, writtenPath } from './envelope-path.js';
import type { BodyMode, Message } from './message.js';

/** The draft of one message. */
export class MessageDraft implements Draft {
  readonly headers: DraftHeaders;
  readonly recipients: DraftRecipients;
  readonly #old: unknown;
  #body: BodySource | undefined;
  #sender: EnvelopePath;
  #resent = false;

  constructor(message: Message<BodyMode>) {
    this.headers = new DraftHeaders(message.headers.fields(), message.session.leadingSpace);
    this.recipients = new DraftRecipients(message.recipients);
    this.#sender = message.sender;
    this.#old = message.body;
    // What is set on a draft by another name, or in place of its headers, would be lost without a word.
    Object.freeze(this);
  }

  get body(): BodySource | undefined {
    return this.#body;
  }

  set body(body: BodySource | undefined) {
    // The body of the message itself is no change, whatever has been read of it.
    if (body !== undefined && body !== this.#old) replaceBody(body);
    this.#body = body;
  }

  /** Whether the sender was set. */
  get resent(): boolean {
    return this.#resent;
  }

  get sender(): EnvelopePath {
    return this.#sender;
  }

  set sender(given: string | { readonly address: string; readonly args?: readonly string[] }) {
    const { address, args = [] } = typeof given === 'string' ? { address: given } : checked(given);
    checkAddress('draft.sender', address, true);
    this.#sender = writtenPath(address, checkArguments('draft.sender', args));
    this.#resent = true;
  }
}

function checked<T>(given: T): T {
  if (typeof given === 'object' && given !== null) return given;
  throw new AnswerError(
    `draft.sender: ${textOf(given)} is neither an address nor { address, args }. '' is the null sender.`,
  );
}
