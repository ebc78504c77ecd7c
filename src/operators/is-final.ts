import type { Flow } from '../session/flow.js';

/** Whether an earlier filter has had the last word: on the message, or where it is about a recipient, on that one. */
export function isFinal(flow: Flow): boolean {
  return flow.stage === 'reply' && flow.decision.kind !== 'proceed' && flow.decision.kind !== 'skip';
}
