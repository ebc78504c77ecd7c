import { replyCodec } from '../transport/wire/replies.js';
import type { Decision } from './decisions.js';
import { replyText } from './smtp-reply.js';

const CONSTANT = {
  proceed: replyCodec.encode({ type: 'continue' }),
  accept: replyCodec.encode({ type: 'accept' }),
  reject: replyCodec.encode({ type: 'reject' }),
  tempfail: replyCodec.encode({ type: 'tempfail' }),
  discard: replyCodec.encode({ type: 'discard' }),
  skip: replyCodec.encode({ type: 'skip' }),
};

/** The sign of life at `eom`. */
export const PROGRESS: Buffer = replyCodec.encode({ type: 'progress' });

/** CONTINUE, for those who say nothing. */
export const CONTINUE: Buffer = CONSTANT.proceed;

/** The frame that tells a decision. */
export function encodeDecision(decision: Decision): Buffer {
  const reply = 'reply' in decision ? decision.reply : undefined;
  if (reply === undefined) return CONSTANT[decision.kind];
  return replyCodec.encode({ type: 'replycode', text: replyText(reply) });
}
