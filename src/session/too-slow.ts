import { UnansweredError, type Waited } from './errors.js';
import type { FlowStage } from './stage.js';

/** What went wrong where an event was not answered in its time. */
export function tooSlow(stage: FlowStage, waiting: Waited): UnansweredError {
  return new UnansweredError(
    stage,
    `its time is up after ${waiting.waited} ms (${waiting.limit}). A filter was too slow, or swallowed the event ` +
      '(filter, debounceTime, withLatestFrom before its first value): what should be left undecided has to be passed on.',
    waiting,
  );
}
