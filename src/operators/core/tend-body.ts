import { destroyBody, listenForErrors } from '../../session/connection/new-body.js';
import type { StageEvent } from '../../session/flow.js';
import type { Edit, Modification } from '../../session/modifications.js';
import { turnOf } from '../../session/turn.js';

/** Whether an answer is a body that is read only when everything else about the message is settled. */
export function isReadLater(answer: object): answer is { readonly body: object } {
  return 'body' in answer && typeof answer.body === 'object' && answer.body !== null && !isBytes(answer.body);
}

/**
 * Looks after a body that a filter has answered with, until the event's turn is over: later filters may take their
 * time, refuse the message, or replace the body by another one, and then it is never read.
 *
 * A stream that is not read is destroyed at the end, so that its file or socket is freed. One that fails meanwhile
 * must not end the process, as an error without a listener does; its reader gets to know.
 */
export function tendBody(body: object, event: StageEvent): void {
  listenForErrors(body);
  turnOf(event)?.onEnd(() => {
    destroyBody(body);
  });
}

/** Releases the bodies in an answer that is not taken; those of earlier filters, which an edit repeats, are theirs. */
export function dropBody(answer: Modification | Edit): void {
  if (answer.kind === 'edit') {
    for (const one of answer.modifications) if (!answer.replaces.includes(one)) dropBody(one);
  } else if (isReadLater(answer)) {
    listenForErrors(answer.body);
    destroyBody(answer.body);
  }
}

function isBytes(body: object): boolean {
  return body instanceof Uint8Array;
}
