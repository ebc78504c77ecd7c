import { proceed } from './decisions/proceed.js';
import type { Failure } from './options.js';
import type { FlowStage } from './stage.js';

/** The failure decision as it is said at a stage: an unknown command cannot be accepted, only passed on. */
export function failureAt(stage: FlowStage, failure: Failure): Failure {
  return stage === 'unknown' && failure.kind === 'accept' ? proceed() : failure;
}
