import { messageOf } from '../common/text-of.js';
import type { FlowStage } from './stage.js';

/** What a filter's own code threw, rejected with or errored with; `cause` has it. */
export class ProjectError extends Error {
  override readonly name = 'ProjectError';
  readonly stage: FlowStage;

  constructor(stage: FlowStage, cause: unknown) {
    super(`The filter failed at stage ${stage}: ${messageOf(cause)}`, { cause });
    this.stage = stage;
  }
}
