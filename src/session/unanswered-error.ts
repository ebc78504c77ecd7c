import type { FlowStage } from './stage.js';

/** A limit on the time of an answer: an option of `timeouts`, or what else has ended it. */
export type AnswerLimit = 'timeouts.reply' | 'timeouts.eom' | 'drainTimeout';

/** How long an answer was waited for, and up to which limit. */
export interface Waited {
  /** Milliseconds from the event to the end of its time. */
  readonly waited: number;
  readonly limit: AnswerLimit;
}

/** Nobody answered an event in time, or the pipeline ended before: it got the failure decision. */
export class UnansweredError extends Error {
  override readonly name = 'UnansweredError';
  readonly stage: FlowStage;
  /** How many milliseconds were waited; `undefined` where it was not the time that ended it. */
  readonly waited: number | undefined;
  /** Which option has set that limit; `undefined` where it was not the time that ended it. */
  readonly limit: AnswerLimit | undefined;

  constructor(stage: FlowStage, why: string, { waited, limit }: Partial<Waited> = {}) {
    super(`The event at stage ${stage} was not answered: ${why}`);
    this.stage = stage;
    this.waited = waited;
    this.limit = limit;
  }
}
