import { profileOf } from '../../session/profiles/recognise.js';
import type { SmtpReply } from '../../session/smtp-reply.js';
import type { Command } from '../../transport/wire/commands.js';
import { SMFIP } from '../../transport/wire/flags.js';
import type { WireReply } from '../../transport/wire/replies.js';
import type { MtaAgreement } from './agreement.js';
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS, type MtaConnectionOptions } from './connection-options.js';
import { MilterError } from './milter-error.js';
import { type WireModification, ModificationList, isModification } from './modification-list.js';
import type { ReplyStream } from './reply-stream.js';
import { REFUSALS, sanitiseReply } from './sanitise-reply.js';

/** A command that a milter may be asked about. */
export type MtaEvent = Extract<
  Command,
  { type: 'connect' | 'helo' | 'mail' | 'rcpt' | 'data' | 'header' | 'eoh' | 'body' | 'eom' | 'unknown' }
>;

/** The meaning of a milter's final reply for the SMTP session. */
export type Verdict =
  | { readonly kind: 'continue' }
  /** Without asking this milter any more: at connect and helo for the whole session, else for this message. */
  | { readonly kind: 'accept' }
  /** The client sees success, and the message is thrown away. */
  | { readonly kind: 'discard' }
  /** No more body chunks are wanted. */
  | { readonly kind: 'skip' }
  /** At connect and helo the session, at rcpt that recipient, else the message. */
  | { readonly kind: 'refuse'; readonly reply: SmtpReply };

/** The answer of a milter to an event. */
export interface MtaAnswer {
  readonly verdict: Verdict;
  /** The changes that it wants, in its order; only at the end of the message. */
  readonly modifications: readonly WireModification[];
}

export const CONTINUE: MtaAnswer = Object.freeze({
  verdict: Object.freeze({ kind: 'continue' }),
  modifications: [],
});

/** The connection that an answer is read from. */
export interface AnswerSource {
  readonly stream: ReplyStream;
  readonly agreement: MtaAgreement;
  readonly options: MtaConnectionOptions;
  /** Gets every reply as it comes. */
  readonly received: WireReply[];
}

const CONTENT: readonly string[] = ['header', 'eoh', 'body', 'eom'];

/** How long an MTA waits for a reply at a stage, in milliseconds. */
export function timeoutAt(stage: string, { timeouts }: MtaConnectionOptions): number {
  const { command, content } = { ...DEFAULT_TIMEOUTS, ...timeouts };
  return CONTENT.includes(stage) ? content : command;
}

/**
 * Reads the replies to an event up to the final one.
 *
 * @throws MilterError where the milter breaks the protocol or does not reply in time
 */
export async function readAnswer(stage: MtaEvent['type'], source: AnswerSource): Promise<MtaAnswer> {
  const { stream, agreement, options, received } = source;
  const changes = new ModificationList(agreement.actions, { ...DEFAULT_LIMITS, ...options.limits });
  const total = options.timeouts?.eom ?? DEFAULT_TIMEOUTS.eom;
  const deadline = stage === 'eom' ? performance.now() + total : Infinity;
  for (;;) {
    const left = Math.max(0, deadline - performance.now());
    const reply = await stream.next(Math.min(timeoutAt(stage, options), left));
    received.push(reply);
    // At the end of the message there may be modifications and progress before it, elsewhere nothing.
    const more = stage === 'eom' && (reply.type === 'progress' || isModification(reply));
    if (!more) return { verdict: verdictOf(stage, reply, source), modifications: changes.list };
    const wrong = isModification(reply) ? changes.add(reply) : changes.progress();
    if (wrong !== undefined) throw new MilterError('protocol', stage, wrong);
  }
}

/** The meaning of a final reply at a stage, as Postfix takes it. */
function verdictOf(stage: string, reply: WireReply, { agreement, options }: AnswerSource): Verdict {
  switch (reply.type) {
    case 'continue':
      return CONTINUE.verdict;
    case 'accept':
      return { kind: 'accept' };
    case 'discard':
      // Where there is no message yet Postfix takes it for a slip, and goes on.
      return ['connect', 'helo', 'unknown'].includes(stage) ? CONTINUE.verdict : { kind: 'discard' };
    case 'skip':
      if (stage !== 'body') throw new MilterError('protocol', stage, 'skip is a reply to the body only');
      if ((agreement.protocol & SMFIP.SKIP) !== 0) return { kind: 'skip' };
      throw new MilterError('protocol', stage, 'skip was not agreed on');
    case 'reject':
    case 'tempfail':
    case 'shutdown':
      return { kind: 'refuse', reply: REFUSALS[reply.type] };
    case 'replycode': {
      const { reply: shown, violation } = sanitiseReply(reply.text, profileOf(options.mta).missingCode);
      if (violation === undefined) return { kind: 'refuse', reply: shown };
      throw new MilterError('protocol', stage, violation, { refusal: shown });
    }
    default:
      throw new MilterError('protocol', stage, `${reply.type} is no reply to ${stage}`);
  }
}
