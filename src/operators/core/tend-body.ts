import { destroyBody, listenForErrors } from '../../session/connection/new-body.js';
import type { StageEvent } from '../../session/flow.js';
import type { Edit, Modification } from '../../session/modifications.js';
import { turnOf } from '../../session/turn.js';

const NONE: readonly object[] = Object.freeze([]);

/** Whether an answer is a body that is read only when everything else about the message is settled. */
export function isReadLater<A extends object>(answer: A): answer is A & { readonly body: object } {
  const { body } = answer as { readonly body?: unknown };
  return typeof body === 'object' && body !== null && !(body instanceof Uint8Array);
}

/** The bodies in an answer that are read later; those of earlier filters, which an edit repeats, are not its own. */
function bodiesIn(answer: Modification | Edit): readonly object[] {
  if (answer.kind !== 'edit') return isReadLater(answer) ? [answer.body] : NONE;
  const { modifications, replaces } = answer;
  const later: readonly (Modification & { readonly body: object })[] = modifications.filter(isReadLater);
  return later.length === 0 ? NONE : later.filter((one) => !replaces.includes(one)).map(({ body }) => body);
}

/**
 * Looks after the bodies that a filter has answered with, until the event's turn is over; whether there are any.
 *
 * One that is never read, since a later filter refuses the message or replaces it, is destroyed at the end, so that its
 * file or socket is freed. One that fails meanwhile must not end the process, as an error without a listener does.
 */
export function tendBodies(answer: Modification | Edit, event: StageEvent): boolean {
  const bodies = bodiesIn(answer);
  for (const body of bodies) {
    listenForErrors(body);
    turnOf(event)?.onEnd(() => {
      destroyBody(body);
    });
  }
  return bodies.length > 0;
}

/** Releases the bodies in an answer that is not taken. */
export function dropBody(answer: Modification | Edit): void {
  for (const body of bodiesIn(answer)) {
    listenForErrors(body);
    destroyBody(body);
  }
}
