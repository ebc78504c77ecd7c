import { SMFIP } from '../../transport/wire/flags.js';
import type { WireReply } from '../../transport/wire/replies.js';
import { habitsOf } from '../simulate/habits-of.js';
import type { MtaEvent } from './agenda.js';
import type { Agreement } from './agreement.js';
import type { Answer } from './answer.js';
import { MilterError } from './milter-error.js';
import { ModificationList, isModification } from './modification-list.js';
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS, type MtaConnectionOptions } from './mta-connection-options.js';
import type { ReplyStream } from './reply-stream.js';
import { interpret, type Verdict } from './verdict.js';

/** What it takes to read an answer. */
export interface AnswerSource {
  readonly stream: ReplyStream;
  readonly agreement: Agreement;
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
 * Reads the replies to an event up to the final one: at the end of the message there may be modifications and signs of
 * life before it, elsewhere nothing.
 *
 * @throws MilterError where the milter says what it may not, or nothing
 */
export async function readAnswer(stage: MtaEvent['type'], source: AnswerSource): Promise<Answer> {
  const { stream, agreement, options, received } = source;
  const changes = new ModificationList(agreement.actions, { ...DEFAULT_LIMITS, ...options.limits });
  const total = options.timeouts?.eom ?? DEFAULT_TIMEOUTS.eom;
  const deadline = stage === 'eom' ? performance.now() + total : Infinity;
  for (;;) {
    const left = Math.max(0, deadline - performance.now());
    const reply = await stream.next(Math.min(timeoutAt(stage, options), left));
    received.push(reply);
    const more = stage === 'eom' && (reply.type === 'progress' || isModification(reply));
    if (!more) return { verdict: verdictOf(stage, reply, source), modifications: changes.list };
    const wrong = isModification(reply) ? changes.add(reply) : changes.progress();
    if (wrong !== undefined) throw new MilterError('protocol', stage, wrong);
  }
}

function verdictOf(stage: string, reply: WireReply, { agreement, options }: AnswerSource): Verdict {
  const mayskip = (agreement.protocol & SMFIP.SKIP) !== 0;
  const { verdict, violation } = interpret(stage, reply, mayskip, habitsOf(options.mta).missingCode);
  if (verdict !== undefined && violation === undefined) return verdict;
  const refusal = verdict?.kind === 'refuse' ? { refusal: verdict.reply } : {};
  throw new MilterError('protocol', stage, violation ?? `${reply.type} is no reply`, refusal);
}
