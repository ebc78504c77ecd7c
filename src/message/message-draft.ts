import type { BodySource } from '../session/modification.js';
import { checkAddress, checkArguments } from '../session/check-text.js';
import { DraftHeaders } from './draft-headers.js';
import { DraftRecipients } from './draft-recipients.js';
import type { Draft } from './draft.js';
import { writtenPath, type EnvelopePath } from './envelope-path.js';
import type { BodyMode } from './message-body.js';
import type { Message } from './message.js';

/** The draft of one message. */
export class MessageDraft implements Draft {
  readonly headers: DraftHeaders;
  readonly recipients: DraftRecipients;
  body: BodySource | undefined;
  #sender: EnvelopePath;
  #resent = false;

  constructor(message: Message<BodyMode>) {
    this.headers = new DraftHeaders(message.headers.fields(), message.session.leadingSpace);
    this.recipients = new DraftRecipients(message.recipients);
    this.#sender = message.sender;
  }

  /** Whether the sender was set. */
  get resent(): boolean {
    return this.#resent;
  }

  get sender(): EnvelopePath {
    return this.#sender;
  }

  set sender(given: string | { readonly address: string; readonly args?: readonly string[] }) {
    const { address, args = [] } = typeof given === 'string' ? { address: given } : given;
    checkAddress('draft.sender', address, true);
    checkArguments('draft.sender', args);
    this.#sender = writtenPath(address, args);
    this.#resent = true;
  }
}
