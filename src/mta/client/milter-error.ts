import type { SmtpReply } from '../../session/smtp-reply.js';

/** How a milter failed the MTA. */
export type MilterFailure = 'connect' | 'negotiation' | 'protocol' | 'timeout' | 'disconnect';

/** A milter that an MTA cannot go on with: its connection is closed and never used again. */
export class MilterError extends Error {
  override readonly name = 'MilterError';
  /** The kind of failure. */
  readonly kind: MilterFailure;
  /** The command at which it happened, or `connect` where there was no connection yet. */
  readonly stage: string;
  /** The reply for the client where the milter refused the event in a way that breaks the protocol. */
  readonly refusal: SmtpReply | undefined;

  constructor(
    kind: MilterFailure,
    stage: string,
    reason: string,
    options?: ErrorOptions & { readonly refusal?: SmtpReply },
  ) {
    super(`The milter failed at ${stage} (${kind}): ${reason}.`, options);
    this.kind = kind;
    this.stage = stage;
    this.refusal = options?.refusal;
  }
}
