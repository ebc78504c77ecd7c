import { isUtf8 } from 'node:buffer';

import type { KnownProfile } from '../../session/profiles/profile.js';
import { profileOf } from '../../session/profiles/recognise.js';
import type { SmtpReply } from '../../session/smtp-reply.js';
import type { Command } from '../../transport/wire/commands.js';
import { SMFIP } from '../../transport/wire/flags.js';
import type { WireReply } from '../../transport/wire/replies.js';
import type { MtaAgreement } from './agreement.js';
import { DEFAULT_LIMITS, type MtaConnectionOptions, timeoutsOf } from './connection-options.js';
import { MilterError } from './milter-error.js';
import { type WireModification, ModificationList, isModification } from './modification-list.js';
import type { ReplyStream } from './reply-stream.js';
import { REFUSALS, readReply } from './sanitise-reply.js';

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
export function timeoutAt(stage: string, options: MtaConnectionOptions): number {
  const { command, content } = timeoutsOf(options);
  return CONTENT.includes(stage) ? content : command;
}

/**
 * Reads the replies to an event up to the final one.
 *
 * @throws MilterError where the milter breaks the protocol or does not reply in time
 */
export async function readAnswer(stage: MtaEvent['type'], source: AnswerSource): Promise<MtaAnswer> {
  const { stream, agreement, options, received } = source;
  const profile = profileOf(options.mta);
  // A server that does not look at its offer again does not look at the rights either.
  const rights = profile.obeys ? ALL : agreement.actions;
  const changes = new ModificationList(rights, { ...DEFAULT_LIMITS, ...options.limits });
  const deadline = stage === 'eom' ? performance.now() + timeoutsOf(options).eom : Infinity;
  for (;;) {
    const left = Math.max(0, deadline - performance.now());
    const reply = await stream.next(Math.min(timeoutAt(stage, options), left));
    received.push(reply);
    const fault = faultOf(reply, profile);
    if (fault !== undefined) throw new MilterError('protocol', stage, fault);
    // At the end of the message there may be modifications and progress before it, elsewhere nothing.
    const progress = reply.type === 'progress' && (stage === 'eom' || profile.progressAnywhere);
    const more = progress || (stage === 'eom' && isModification(reply));
    if (!more) return { verdict: verdictOf(stage, reply, source), modifications: changes.list };
    const wrong = isModification(reply) ? changes.add(reply) : changes.progress();
    if (wrong !== undefined) throw new MilterError('protocol', stage, wrong);
  }
}

const ALL = 0xffffffff;

/** Why a mail server takes a frame for a broken one, whatever the stage, where it does. */
function faultOf(reply: WireReply, profile: KnownProfile): string | undefined {
  if (profile.unknownReplies.includes(reply.type)) return `${reply.type} is no reply that it knows`;
  if (profile.needsArguments && reply.type === 'changeSender' && reply.args.length === 0) {
    return 'changeSender has one string instead of two';
  }
  // A string that is not UTF-8 was read as Latin-1.
  const raw = 'raw' in reply ? reply.raw : undefined;
  return profile.utf8Only && raw !== undefined && !isUtf8(raw) ? `${reply.type} is not in UTF-8` : undefined;
}

/** The meaning of a final reply at a stage. */
function verdictOf(stage: string, reply: WireReply, { agreement, options }: AnswerSource): Verdict {
  const profile = profileOf(options.mta);
  switch (reply.type) {
    case 'continue':
      return CONTINUE.verdict;
    case 'accept':
      return profile.goesOn ? CONTINUE.verdict : { kind: 'accept' };
    case 'discard':
      if (profile.discards === 'never') return { kind: 'refuse', reply: REFUSALS.tempfail };
      // Where there is no message yet Postfix takes it for a slip, and goes on.
      return profile.discards === 'message' && ['connect', 'helo', 'unknown'].includes(stage)
        ? CONTINUE.verdict
        : { kind: 'discard' };
    case 'skip':
      if (stage !== 'body') throw new MilterError('protocol', stage, 'skip is a reply to the body only');
      if (profile.obeys || (agreement.protocol & SMFIP.SKIP) !== 0) return { kind: 'skip' };
      throw new MilterError('protocol', stage, 'skip was not agreed on');
    case 'reject':
    case 'tempfail':
    case 'shutdown':
      return { kind: 'refuse', reply: REFUSALS[reply.type] };
    case 'replycode': {
      const { reply: shown, violation } = readReply(reply.text, profile);
      if (violation === undefined) return { kind: 'refuse', reply: shown };
      throw new MilterError('protocol', stage, violation, { refusal: shown });
    }
    default:
      throw new MilterError('protocol', stage, `${reply.type} is no reply to ${stage}`);
  }
}
