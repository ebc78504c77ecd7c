import { messageOf } from '../common/text-of.js';
import { tellFailure } from '../session/failures.js';
import type { StageEvent } from '../session/flow.js';

/**
 * Makes known that code which reads a message by callbacks has thrown, or takes no errors where there is one: where the
 * message is aborted, too, which is no reason to end the process.
 */
export function tellReader(event: StageEvent, reason: unknown): void {
  const why = `A reader of the message failed, or takes no errors, and gets no more of it: ${messageOf(reason)}`;
  tellFailure(event, new Error(why, { cause: reason }));
}
