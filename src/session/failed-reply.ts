import type { Reply } from './flow.js';

const CAUSES = new WeakMap<Reply, Error>();

/** Marks a reply as given in place of the filter's, and why; the sink reports it. */
export function markFailed(reply: Reply, cause: Error): Reply {
  CAUSES.set(reply, cause);
  return reply;
}

/** Why the reply was given in place of the filter's; `undefined` for one that the filter gave. */
export function causeOf(reply: Reply): Error | undefined {
  return CAUSES.get(reply);
}
