import type { Decision } from './decisions.js';
import type { FlowStage } from './stage.js';

/**
 * How far a decision goes: what it is about is not seen any more after it. A refused recipient is one of several, and
 * after a refused DATA both MTAs may go on with RCPT and DATA; an unknown command fails whatever is said.
 */
export function scopeOf(
  stage: FlowStage,
  decision: Decision | undefined,
): 'event' | 'body' | 'message' | 'connection' {
  if (stage === 'eom') return 'message';
  const kind = decision?.kind ?? 'allow';
  if (kind === 'allow' || stage === 'unknown') return 'event';
  if (kind === 'skip') return 'body';
  if (stage === 'connect' || stage === 'helo') return 'connection';
  const refusal = kind === 'reject' || kind === 'tempfail';
  return refusal && (stage === 'rcpt' || stage === 'data') ? 'event' : 'message';
}
