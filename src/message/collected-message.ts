import type { Readable } from 'node:stream';

import { messageOf } from '../common/text-of.js';
import { readBody } from '../session/connection/new-body.js';
import type { EnvelopePath } from '../session/envelope-path.js';
import { tellFailure } from '../session/failures.js';
import type { Eom, StageEvent } from '../session/flow.js';
import type { Modification } from '../session/modifications.js';
import { SessionFacts } from '../session/session-facts.js';
import type { Client, Macros, SessionInfo } from '../session/session-info.js';
import { turnOf } from '../session/turn.js';
import { BodyStore } from '../spool/body-store.js';
import { readableFrom } from './body/chunk-reader.js';
import { StoredBody } from './body/stored-body.js';
import type { Collection } from './collection.js';
import { applyHeaderChanges } from './edit/apply-header-changes.js';
import { applyRecipientChanges } from './edit/recipient-changes.js';
import { writtenPath } from './envelope-path.js';
import { type HeaderField, headerBytes } from './headers/header-field.js';
import { Headers } from './headers/headers.js';
import type { ResolvedMessageOptions } from './message-options.js';
import type { Bodies, BodyMode, Message } from './message.js';

/** A message as the MTA has it, before any filter's changes. */
export interface MessageOrigin {
  readonly fields: readonly HeaderField[];
  readonly sender: EnvelopePath;
  readonly recipients: readonly EnvelopePath[];
}

/** The part of a message that a modification changes. */
type Part = 'headers' | 'recipients' | 'sender' | 'body' | 'other';

const PARTS: Readonly<Record<Modification['kind'], Part>> = {
  addHeader: 'headers',
  insertHeader: 'headers',
  changeHeader: 'headers',
  deleteHeader: 'headers',
  addRecipient: 'recipients',
  deleteRecipient: 'recipients',
  changeSender: 'sender',
  replaceBody: 'body',
  quarantine: 'other',
};

/** Those modifications that change one part of the message, in their order. */
export function changesOf(part: Part, modifications: readonly Modification[]): readonly Modification[] {
  if (modifications.length === 0) return modifications;
  return modifications.filter(({ kind }) => PARTS[kind] === part);
}

/** A message with the changes of earlier filters made, each part of it when it is first read. */
export class CollectedMessage<B extends BodyMode> extends SessionFacts implements Message<B> {
  readonly session: SessionInfo;
  readonly body: Bodies[B];
  readonly modifications: readonly Modification[];
  readonly truncated: Message['truncated'];
  readonly source: Message<B>['source'];
  readonly #origin: MessageOrigin;
  #headers: Headers | undefined;
  #sender: EnvelopePath | undefined;
  #recipients: readonly EnvelopePath[] | undefined;

  /** @param failed gets the error of a listener of `source()` */
  constructor(
    { session, modifications }: Eom,
    { fields, sender, recipients, truncated }: Collection,
    body: Bodies[B],
    failed: (reason: unknown) => void,
  ) {
    super();
    this.session = session;
    this.body = body;
    this.modifications = modifications;
    this.truncated = truncated;
    this.#origin = { fields, sender, recipients };
    const source = body && ((): Readable => readableFrom(this.#bytes(body), failed));
    this.source = source as Message<B>['source'];
  }

  /** The message before any changes; `undefined` for an object that is not a message. */
  static originOf(message: unknown): MessageOrigin | undefined {
    if (typeof message !== 'object' || message === null) return undefined;
    return #origin in message ? message.#origin : undefined;
  }

  get client(): Client {
    return this.session.client;
  }

  get helo(): string | undefined {
    return this.session.helo;
  }

  get macros(): Macros {
    return this.session.macros;
  }

  get headers(): Headers {
    return (this.#headers ??= new Headers(this.#fields()));
  }

  get size(): number {
    return this.#headerBytes().length + (this.body?.size ?? 0);
  }

  get sender(): EnvelopePath {
    if (this.#sender !== undefined) return this.#sender;
    const last = this.modifications.filter((one) => one.kind === 'changeSender').at(-1);
    return (this.#sender = last === undefined ? this.#origin.sender : writtenPath(last.address, last.args));
  }

  get recipients(): readonly EnvelopePath[] {
    if (this.#recipients !== undefined) return this.#recipients;
    const { recipients } = this.#origin;
    const changes = changesOf('recipients', this.modifications);
    return (this.#recipients =
      changes.length === 0 ? recipients : applyRecipientChanges(recipients, changes));
  }

  #fields(): readonly HeaderField[] {
    const changes = changesOf('headers', this.modifications);
    if (changes.length === 0) return this.#origin.fields;
    return applyHeaderChanges(this.#origin.fields, changes, this.session);
  }

  #headerBytes(): Buffer {
    return Buffer.concat([headerBytes(this.headers, this.session.leadingSpace), Buffer.from('\r\n')]);
  }

  async *#bytes(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    yield this.#headerBytes();
    yield* body;
  }
}

/**
 * The message that was collected, with the changes of earlier filters, and its end. Where one of them gave a body that
 * can be read only once, that is read into a store first, which the end then has.
 */
export function incomingMessage(
  eom: Eom,
  collection: Collection,
  options: ResolvedMessageOptions,
): { readonly eom: Eom; readonly message: Message<BodyMode> | Promise<Message<BodyMode>> } {
  const failed = (reason: unknown): void => tellReader(eom, reason);
  const messageWith = (end: Eom, body?: StoredBody): Message<BodyMode> =>
    new CollectedMessage<BodyMode>(end, collection, body, failed);
  if (options.body === 'none') return { eom, message: messageWith(eom) };
  const replaced = eom.modifications.filter((one) => one.kind === 'replaceBody').at(-1);
  if (replaced === undefined) {
    const own = messageWith(eom, new StoredBody(collection.store, collection.complete, failed));
    // Whether it could be kept is known when the last piece is in the file.
    return { eom, message: collection.store.settled()?.then(() => own) ?? own };
  }
  const known = BodyStore.of(replaced.body);
  if (known !== undefined) return { eom, message: messageWith(eom, new StoredBody(known, true, failed)) };
  const store = new BodyStore(options.store);
  collection.keep(store);
  const body = new StoredBody(store, true, failed);
  const modifications = eom.modifications.map((one) => (one === replaced ? { ...one, body } : one));
  const changed: Eom = { ...eom, modifications };
  const read = async (): Promise<Message<BodyMode>> => {
    if (!(await readBody(replaced.body, store, turnOf(eom)))) throw new Error('The message is over.');
    return messageWith(changed, body);
  };
  return { eom: changed, message: read() };
}

/** Reports that code which reads a message by callbacks has thrown, or takes no errors where there is one. */
export function tellReader(event: StageEvent, reason: unknown): void {
  const why = `A reader of the message failed, or takes no errors, and gets no more of it: ${messageOf(reason)}`;
  tellFailure(event, new Error(why, { cause: reason }));
}
