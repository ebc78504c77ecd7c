import type { FlowStage } from './stage.js';

/** A reply to an event that was over already: it was dropped, because the MTA would take it for the next answer. */
export class StaleReplyError extends Error {
  override readonly name = 'StaleReplyError';
  readonly stage: FlowStage;

  constructor(stage: FlowStage, why: string) {
    super(`A reply at stage ${stage} came when its event was over, and was dropped: ${why}`);
    this.stage = stage;
  }
}
