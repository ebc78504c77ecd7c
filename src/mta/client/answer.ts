import type { WireModification } from './modification-list.js';
import type { Verdict } from './verdict.js';

/** What a milter makes of an event. */
export interface Answer {
  readonly verdict: Verdict;
  /** At the end of the message what it wants changed, in its order; else nothing. */
  readonly modifications: readonly WireModification[];
}
