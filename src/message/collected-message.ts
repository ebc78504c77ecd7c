import type { Readable } from 'node:stream';
import { type Client, type Macros, type SessionInfo, authenticatedUser } from '../session/session-info.js';
import type { Modification } from '../session/modifications.js';
import type { MtaName } from '../session/profiles/profile.js';
import { applyHeaderChanges } from './apply-header-changes.js';
import { applyRecipientChanges } from './apply-recipient-changes.js';
import { type EnvelopePath, writtenPath } from './envelope-path.js';
import { Headers } from './headers.js';
import type { Bodies, BodyMode } from './message-body.js';
import { type MessageOrigin, sortModifications } from './message-origin.js';
import { sourceOf } from './message-source.js';
import type { AuthFacts, Message, TlsFacts } from './message.js';

/** What a message is made of. */
export interface MessageParts<B extends BodyMode> {
  readonly session: SessionInfo;
  readonly origin: MessageOrigin;
  readonly modifications: readonly Modification[];
  readonly body: Bodies[B];
  readonly truncated: Message['truncated'];
  /** The pieces of the body, where the mode has any. */
  readonly chunks: AsyncIterable<Uint8Array> | undefined;
  /** Is told of a listener of `source()` that throws. */
  readonly failed: (reason: unknown) => void;
}

/** A message with the changes of earlier filters made, each part of it when it is first looked at. */
export class CollectedMessage<B extends BodyMode> implements Message<B> {
  readonly session: SessionInfo;
  readonly body: Bodies[B];
  readonly modifications: readonly Modification[];
  readonly truncated: Message['truncated'];
  readonly source: Message<B>['source'];
  readonly #origin: MessageOrigin;
  #headers: Headers | undefined;
  #sender: EnvelopePath | undefined;
  #recipients: readonly EnvelopePath[] | undefined;

  constructor({ session, origin, modifications, body, truncated, chunks, failed }: MessageParts<B>) {
    this.session = session;
    this.body = body;
    this.modifications = modifications;
    this.truncated = truncated;
    this.#origin = origin;
    const source = (): Readable => sourceOf(this.headers, session.leadingSpace, chunks ?? [], failed);
    this.source = (chunks === undefined ? undefined : source) as Message<B>['source'];
  }

  /** The message before any changes; `undefined` for what is none of ours. */
  static originOf(message: unknown): MessageOrigin | undefined {
    return typeof message === 'object' && message !== null && #origin in message
      ? message.#origin
      : undefined;
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

  get queueId(): string | undefined {
    return this.macros.get('i');
  }

  get auth(): AuthFacts | undefined {
    const user = authenticatedUser(this);
    if (user === undefined) return undefined;
    return { user, mechanism: this.#macro('auth_type'), author: this.#macro('auth_author') };
  }

  get tls(): TlsFacts | undefined {
    const version = this.#macro('tls_version');
    if (version === undefined) return undefined;
    return {
      version,
      cipher: this.#macro('cipher') ?? '',
      bits: Number(this.#macro('cipher_bits') ?? 0),
      verify: this.#macro('verify'),
      subject: this.#macro('cert_subject'),
      issuer: this.#macro('cert_issuer'),
    };
  }

  get headers(): Headers {
    return (this.#headers ??= new Headers(this.#fields()));
  }

  get sender(): EnvelopePath {
    return (this.#sender ??= this.#changedSender() ?? this.#origin.sender);
  }

  get recipients(): readonly EnvelopePath[] {
    return (this.#recipients ??= applyRecipientChanges(
      this.#origin.recipients,
      sortModifications(this.modifications).recipients,
    ));
  }

  #fields(): MessageOrigin['fields'] {
    const { headers } = sortModifications(this.modifications);
    if (headers.length === 0) return this.#origin.fields;
    const session: { readonly mta: MtaName } = this.session;
    return applyHeaderChanges(this.#origin.fields, headers, session, this.session.leadingSpace);
  }

  #changedSender(): EnvelopePath | undefined {
    const last = sortModifications(this.modifications).sender.at(-1);
    return last?.kind === 'changeSender' ? writtenPath(last.address, last.args) : undefined;
  }

  /** The value of a macro that MTAs leave empty where there is nothing to say. */
  #macro(name: string): string | undefined {
    const value = this.macros.get(name);
    return value === '' ? undefined : value;
  }
}
