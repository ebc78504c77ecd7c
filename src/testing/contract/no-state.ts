import type { OperatorFunction } from 'rxjs';

import type { Flow } from '../../session/flow.js';
import { describeDecision, describeModification } from '../describe-value.js';
import { firstDifference } from '../first-difference.js';
import type { Told } from '../told.js';
import { ContractError } from './contract-error.js';
import type { ResolvedContract } from './contract-options.js';
import { converse, type Line, type Speaker } from './converse.js';

/**
 * Finds mails that get other answers when they are repeated.
 *
 * Each is sent alone, on a second connection, after all mails, and after an abort in the middle of it.
 *
 * @throws ContractError
 */
export async function checkNoState(
  filter: OperatorFunction<Flow, Flow>,
  options: ResolvedContract,
): Promise<void> {
  for (const mail of options.mails) {
    /** The answers to the mail, after something else on the same connection; nothing where one is missing. */
    const linesAfter = async (
      before: (speaker: Speaker) => Promise<unknown> = () => Promise.resolve(),
    ): Promise<readonly Line[] | undefined> => {
      let lines: readonly Line[] = [];
      const { cut } = await converse(filter, options, async (speaker) => {
        await speaker.connect(mail);
        await before(speaker);
        lines = await speaker.mail(mail);
      });
      return cut ? undefined : lines;
    };
    const alone = await linesAfter();
    // Without answers there is nothing to compare.
    if (alone === undefined) return;
    const again = {
      'on a second connection': await linesAfter(),
      'after other messages': await linesAfter(async (speaker) => {
        for (const other of options.mails) await speaker.mail(other);
      }),
      'after an abort': await linesAfter((speaker) => speaker.mail(mail, 'headers')),
    };
    for (const [when, lines] of Object.entries(again)) compare(alone, lines ?? alone, when);
  }
}

function compare(alone: readonly Line[], again: readonly Line[], when: string): void {
  alone.forEach(({ step, told }, at) => {
    const other = again[at];
    if (other !== undefined && firstDifference(told, other.told) === undefined) return;
    const then = other === undefined ? 'there was no such step' : describe(other.told);
    const what = `the first time the MTA was told: ${describe(told)}; ${when}: ${then}.`;
    throw new ContractError('no-state', step, what);
  });
}

function describe({ verdict, reply, modifications }: Told): string {
  const refused = (verdict === 'reject' || verdict === 'tempfail') && reply !== undefined;
  const decision = refused ? describeDecision({ kind: verdict, reply }) : verdict;
  return [decision, ...modifications.map(describeModification)].join(' + ');
}
