import type { FlowStage } from './stage.js';

/** Nobody answered an event in time, or the pipeline ended before: it got the failure decision. */
export class UnansweredError extends Error {
  override readonly name = 'UnansweredError';
  readonly stage: FlowStage;

  constructor(stage: FlowStage, why: string) {
    super(`The event at stage ${stage} was not answered: ${why}`);
    this.stage = stage;
  }
}
