import type { FlowStage } from './stage.js';
import { UnansweredError } from './unanswered-error.js';

/** What went wrong where an event was not answered in its time. */
export function tooSlow(stage: FlowStage): UnansweredError {
  return new UnansweredError(
    stage,
    'its time is up. A filter was too slow, or swallowed the event (filter, debounceTime, withLatestFrom ' +
      'before its first value): what should be left undecided has to be passed on.',
  );
}
