import { placeOf } from '../../common/call-site.js';
import { scopeOf } from '../../session/decision-scope.js';
import { causeOf } from '../../session/failures.js';
import type { Reply } from '../../session/flow.js';
import { ALL_STAGES, BIT } from '../../session/stage.js';
import type { Step } from './step.js';

/** The chains of which it was said. */
const TOLD = new WeakSet<readonly Step[]>();

/**
 * Says once for a chain that an `accept()` has left later filters of it unasked, which is easily overlooked: it is an
 * answer to the mail server, and not to one filter.
 *
 * @param index of the first step behind the one that has accepted
 */
export function tellUnasked(steps: readonly Step[], index: number, reply: Reply): void {
  const { decision, to } = reply;
  if (decision.kind !== 'accept' || TOLD.has(steps) || causeOf(reply) !== undefined) return;
  const what = scopeOf(to.stage, decision);
  // What is still to come of the message, the event itself included.
  const left = what === 'connection' ? ALL_STAGES : (2 * BIT.eom - 1) & ~(BIT[to.stage] - 1);
  if (!steps.slice(index).some(({ tags }) => (tags.decides & left) !== 0)) return;
  TOLD.add(steps);
  const place = placeOf(steps[index - 1]?.site);
  process.emitWarning(
    `accept() at ${to.stage}${place === undefined ? '' : ` (${place})`} is the last word on the ${what}: the later filters ` +
      'of the same pipeline are not asked. To leave mail to them, return nothing. This is said once.',
    { type: 'MilterWarning' },
  );
}
