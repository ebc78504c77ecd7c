import type { OperatorFunction } from 'rxjs';

import { reportEach } from '../../session/answer-watch.js';
import type { Flow } from '../../session/flow.js';
import { checkAfterAbort } from './after-abort.js';
import { RULES, type ContractRule } from './contract-error.js';
import { resolveContract, type ContractOptions } from './contract-options.js';
import { converse, type Conversation } from './converse.js';
import { checkErrors, checkIdentity, checkModifications, checkOneOutcome } from './log-rules.js';
import { checkNoState } from './no-state.js';

/** A rule that a filter keeps, and how to see whether it does. */
export interface ContractCheck {
  /** A sentence of which the filter is the subject: the name of a test. */
  readonly name: string;
  readonly rule: ContractRule;
  /** Rejects with a `ContractError` where the rule is broken. */
  readonly check: () => Promise<void>;
}

/**
 * Makes a check of each rule that every filter has to keep, for the tests of a filter.
 *
 * @remarks
 * A filter that is made with `on()`, `observe()` and `perMessage()` can break only those about state and errors. The
 * filter is shown whole mails by a simulated MTA, in real time: fake timers have to be off. It asks the world outside
 * as it does elsewhere, so give it stand-ins. A rule that it breaks on purpose is left out by its name.
 *
 * @throws TypeError or RangeError where an option is wrong, or there are no mails to try the filter with
 * @example for (const { name, check } of contract(filter)) test(name, check);
 */
export function contract(
  filter: OperatorFunction<Flow, Flow>,
  options: ContractOptions = {},
): readonly ContractCheck[] {
  const all = resolveContract(options);
  const talk = (): Promise<Conversation> =>
    converse(filter, all, async (speaker) => {
      const [first] = all.mails;
      for (const mail of all.mails) await speaker.mail(mail);
      if (first !== undefined) await speaker.mail(first, 'headers');
      await speaker.unknown();
    });
  const checks: Record<ContractRule, () => Promise<void>> = {
    // First: the other checks would add to a state.
    'no-state': () => checkNoState(filter, all),
    identity: async () => checkIdentity(await talk()),
    'one-outcome': async () => checkOneOutcome(await talk()),
    'after-abort': () => checkAfterAbort(filter, all),
    modifications: async () => checkModifications(await talk()),
    'no-errors': async () => checkErrors('no-errors', await talk()),
    returned: async () => {
      const stop = reportEach();
      try {
        checkErrors('returned', await talk());
      } finally {
        stop();
      }
    },
  };
  return Object.entries(checks).map(([rule, check]) => {
    const { name } = RULES[rule as ContractRule];
    return { rule: rule as ContractRule, name, check };
  });
}
