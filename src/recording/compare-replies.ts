import type { OperatorFunction } from 'rxjs';

import { checkOptions } from '../common/options.js';
import type { Flow } from '../session/flow.js';
import { SESSION_RULES, type SessionOptions } from '../session/options.js';
import { type ComparedAnswer, sameAnswer } from '../session/same-answer.js';
import { describeMessage } from '../transport/wire/describe-message.js';
import type { WireReply } from '../transport/wire/replies.js';
import { playSession, type PlayedEvent } from './play-session.js';
import type { RecordedSession } from './recording.js';

/** An event to which a filter gives another answer than the recorded one. */
export interface ReplyDifference {
  /** The event, in a line. */
  readonly event: string;
  /** Milliseconds from the beginning of the recorded session. */
  readonly ms: number;
  /** The recorded answer: modifications and the final reply, each in a line. */
  readonly recorded: readonly string[];
  /** The answer of the filter now. */
  readonly replayed: readonly string[];
}

/**
 * Plays a recorded session to a filter, and returns the events that it answers differently.
 *
 * @remarks
 * The session is played as fast as the filter answers. An event without a reply, since the filter does not want it or the
 * MTA does not wait, counts as "continue", and so does "accept" at the end of a message. After a decision that the
 * recording does not have, the events that an MTA would not send any more are not compared. A filter that breaks the
 * protocol makes a difference at that event, and ends the comparison.
 *
 * @param options the options of `serve()` when the session was recorded
 * @throws MilterError where the filter does not agree to the recorded offer
 * @throws TypeError or RangeError where an option is wrong
 * @example const differences = await compareReplies(session, filter);
 * @see replay for the events of a session as an Observable
 */
export async function compareReplies(
  session: RecordedSession,
  filter: OperatorFunction<Flow, Flow>,
  options: SessionOptions = {},
): Promise<readonly ReplyDifference[]> {
  checkOptions('compareReplies()', options, SESSION_RULES);
  const differences: ReplyDifference[] = [];
  for await (const played of playSession(session, filter, options)) {
    differences.push(...differenceOf(played));
  }
  return differences;
}

/** The difference between the two answers to an event; nothing where they are the same. */
function differenceOf({ event, ms, failure, ...answers }: PlayedEvent): ReplyDifference[] {
  const recorded = linesOf(answers.recorded);
  const replayed =
    failure === undefined ? linesOf(answers.replayed) : [...linesOf(answers.replayed), failure];
  if (
    failure === undefined &&
    sameAnswer(event.type, answerOf(answers.recorded), answerOf(answers.replayed))
  ) {
    return [];
  }
  return [{ event: describeMessage(event), ms, recorded, replayed }];
}

/** A shutdown refuses for the moment, and is no other decision. */
const KINDS = {
  continue: undefined,
  accept: 'accept',
  discard: 'discard',
  skip: 'skip',
  reject: 'reject',
  tempfail: 'tempfail',
  shutdown: 'tempfail',
  replycode: 'reject',
} as const;

function answerOf(replies: readonly WireReply[]): ComparedAnswer {
  const final = replies.at(-1);
  const kind = final && final.type in KINDS ? KINDS[final.type as keyof typeof KINDS] : undefined;
  const reply = final?.type === 'replycode' ? final.text : undefined;
  return {
    decision: kind && { kind, reply },
    modifications: replies.filter((each) => !(each.type in KINDS) && each.type !== 'progress'),
  };
}

/** Progress is no part of an answer, and an event without a reply goes on. */
function linesOf(replies: readonly WireReply[]): string[] {
  const lines = replies.filter(({ type }) => type !== 'progress').map(describeMessage);
  return lines.length === 0 ? ['continue'] : lines;
}
