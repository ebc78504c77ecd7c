import type { Decision } from '../decisions.js';
import type { Modification } from '../modifications.js';
import type { FlowStage } from '../stage.js';
import { type Difference, NO_DIFFERENCES, type Profile } from './profile.js';

/** What was said already, by mail server and difference: once for a process. */
const TOLD = new Set<string>();

/**
 * Says once, as a warning of the process, what a mail server makes of an answer that Postfix and Sendmail take in
 * another way: its filter should know.
 */
export function tellDifferences(
  profile: Profile,
  stage: FlowStage,
  decision: Decision,
  modifications: readonly Modification[],
): void {
  const { differences } = profile;
  if (differences === NO_DIFFERENCES) return;
  for (const one in differences) {
    const difference = one as Difference;
    if (!TOLD.has(`${profile.name} ${difference}`) && shows(difference, stage, decision, modifications)) {
      TOLD.add(`${profile.name} ${difference}`);
      const text = differences[difference] ?? '';
      process.emitWarning(`The mail server is ${profile.name}, which differs: ${text}. This is said once.`, {
        type: 'MilterWarning',
      });
    }
  }
}

/** Whether an answer is one in which the difference shows. */
function shows(
  difference: Difference,
  stage: FlowStage,
  decision: Decision,
  modifications: readonly Modification[],
): boolean {
  const isRefusal = decision.kind === 'reject' || decision.kind === 'tempfail';
  switch (difference) {
    case 'quarantine':
      return modifications.some(({ kind }) => kind === 'quarantine');
    case 'recipient':
      return stage === 'rcpt' && isRefusal;
    case 'text':
      return isRefusal && decision.reply !== undefined;
    case 'discard':
      return decision.kind === 'discard';
    case 'place':
      return modifications.some(
        (one) => one.kind === 'addHeader' || (one.kind === 'insertHeader' && one.position !== 'top'),
      );
  }
}
