import type { SmtpReply } from '../../session/smtp-reply.js';
import type { WireReply } from '../../transport/wire/replies.js';
import { REFUSALS } from './refusals.js';
import { sanitiseReply } from './sanitise-reply.js';

/** What the final reply of a milter means to the SMTP session. */
export type Verdict =
  | { readonly kind: 'continue' }
  /** Without asking this milter any more: at connect and helo for the whole session, else for this message. */
  | { readonly kind: 'accept' }
  /** The client sees success, and nobody gets the message. */
  | { readonly kind: 'discard' }
  /** No more body chunks are wanted. */
  | { readonly kind: 'skip' }
  /** At connect and helo the session, at rcpt that recipient, else the message. */
  | { readonly kind: 'refuse'; readonly reply: SmtpReply };

/** What a reply amounts to, or why it is none that this stage can have. */
export interface Interpretation {
  readonly verdict?: Verdict;
  readonly violation?: string;
}

/** A reply that goes on. */
export const CONTINUE: Verdict = Object.freeze({ kind: 'continue' });

/**
 * What a final reply means at a stage, as Postfix takes it: a discard before there is a message is a slip, and goes on.
 *
 * @param mayskip whether skip was agreed on
 * @param missing see `sanitiseReply`
 */
export function interpret(
  stage: string,
  reply: WireReply,
  mayskip: boolean,
  missing?: string,
): Interpretation {
  switch (reply.type) {
    case 'continue':
      return { verdict: CONTINUE };
    case 'accept':
      return { verdict: { kind: 'accept' } };
    case 'discard': {
      const early = stage === 'connect' || stage === 'helo' || stage === 'unknown';
      return { verdict: early ? CONTINUE : { kind: 'discard' } };
    }
    case 'skip':
      if (stage === 'body' && mayskip) return { verdict: { kind: 'skip' } };
      return { violation: stage === 'body' ? 'skip was not agreed on' : 'skip is a reply to the body only' };
    case 'reject':
    case 'tempfail':
    case 'shutdown':
      return { verdict: { kind: 'refuse', reply: REFUSALS[reply.type] } };
    case 'replycode': {
      const { reply: shown, violation } = sanitiseReply(reply.text, missing);
      const verdict: Verdict = { kind: 'refuse', reply: shown };
      return violation === undefined ? { verdict } : { verdict, violation };
    }
    default:
      return { violation: `${reply.type} is no reply to ${stage}` };
  }
}
