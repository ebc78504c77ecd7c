import type { OperatorFunction } from 'rxjs';

import { reportEach } from '../../session/answer-watch.js';
import type { Flow } from '../../session/flow.js';
import { findLateReply } from './after-abort.js';
import { ContractError, RULES, type ContractRule } from './contract-error.js';
import { resolveContract, type ContractOptions } from './contract-options.js';
import { converse, type Conversation } from './converse.js';
import {
  findBreach,
  findCopy,
  findEarlyChange,
  findError,
  findOtherOutcome,
  findState,
  type Fault,
} from './rules.js';

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
 * The filter is shown whole mails by a simulated MTA, in real time: fake timers have to be off. It asks the world outside
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
  const [first] = all.mails;
  const talk = (): Promise<Conversation> =>
    converse(filter, all, first, async (speaker) => {
      for (const mail of all.mails) await speaker.mail(mail);
      await speaker.mail(first, 'headers');
      await speaker.ask({ type: 'unknown', text: 'XYZZY' });
    });
  const find: Record<ContractRule, () => Promise<Fault | undefined>> = {
    'no-state': () => findState(filter, all),
    identity: async () => findCopy(await talk()),
    'one-outcome': async () => findOtherOutcome(await talk()),
    'after-abort': () => findLateReply(filter, all),
    modifications: async () => findEarlyChange(await talk()),
    'no-errors': async () => findError('no-errors', await talk()),
    returned: async () => {
      const stop = reportEach();
      try {
        return findError('returned', await talk());
      } finally {
        stop();
      }
    },
    protocol: () => findBreach(filter, all),
  };
  return (Object.keys(RULES) as ContractRule[]).map((rule) => ({
    rule,
    name: RULES[rule].name,
    check: async () => {
      const fault = await find[rule]();
      if (fault !== undefined) throw new ContractError(rule, fault.where, fault.what, fault);
    },
  }));
}
