import type { OperatorFunction } from 'rxjs';

import type { Flow } from '../../session/flow.js';
import { checkAfterAbort } from './after-abort.js';
import type { ContractRule } from './contract-error.js';
import { resolveContract, type ContractOptions } from './contract-options.js';
import { converse, type Conversation } from './converse.js';
import { checkIdentity } from './identity.js';
import { checkModifications } from './modifications.js';
import { checkNoErrors } from './no-errors.js';
import { checkNoState } from './no-state.js';
import { checkOneOutcome } from './one-outcome.js';
import { checkReturned } from './returned.js';

/** A rule that a filter keeps, and how to see whether it does. */
export interface ContractCheck {
  /** A sentence of which the filter is the subject: the name of a test. */
  readonly name: string;
  readonly rule: ContractRule;
  /** Rejects with a `ContractError` where the rule is broken. */
  readonly check: () => Promise<void>;
}

/**
 * The rules that every filter has to keep, each as a check: by itself a filter made with `on()`, `observe()` and
 * `perMessage()` breaks none but those about state and errors.
 *
 * The filter is shown whole mails by a simulated MTA, in real time: fake timers have to be off. What it asks of the
 * world outside it asks here too, so give it stand-ins. A rule that it breaks on purpose is left out by its name.
 *
 * @throws RangeError where there are no mails to try it with
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
      if (first !== undefined) await speaker.aborted(first);
      await speaker.unknown();
    });
  return [
    // First: what the other checks do would be part of the state.
    {
      rule: 'no-state',
      name: 'carries nothing over from one message to the next',
      check: () => checkNoState(filter, all),
    },
    {
      rule: 'identity',
      name: 'passes on, as they are, the events that it does not decide',
      check: async () => checkIdentity(await talk()),
    },
    {
      rule: 'one-outcome',
      name: 'makes exactly one thing of each event',
      check: async () => checkOneOutcome(await talk()),
    },
    {
      rule: 'after-abort',
      name: 'says nothing more of a message that was aborted',
      check: () => checkAfterAbort(filter, all),
    },
    {
      rule: 'modifications',
      name: 'changes messages at their end only',
      check: async () => checkModifications(await talk()),
    },
    {
      rule: 'no-errors',
      name: 'fails at no event',
      check: async () => checkNoErrors(await talk()),
    },
    {
      rule: 'returned',
      name: 'returns every answer that it makes',
      check: () => checkReturned(talk),
    },
  ];
}
