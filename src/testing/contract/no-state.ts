import type { OperatorFunction } from 'rxjs';

import type { ClientMail } from '../../mta/simulate/mail.js';
import type { Flow } from '../../session/flow.js';
import { describeDecision, describeModification } from '../describe-value.js';
import { firstDifference } from '../first-difference.js';
import type { Told } from '../told.js';
import { ContractError } from './contract-error.js';
import type { ResolvedContract } from './contract-options.js';
import { converse, type Line } from './converse.js';

const RULE =
  'the same message gets the same answers, whatever came before it. A variable beside on() lives as long as the process: what belongs to a message is made in perMessage(() => …). (A filter that remembers on purpose leaves this check out.)';

/**
 * Shows the filter each mail alone, on a second connection, after all the others, and after an abort in the middle of it:
 * the answers have to be the same.
 *
 * @throws ContractError
 */
export async function checkNoState(
  filter: OperatorFunction<Flow, Flow>,
  options: ResolvedContract,
): Promise<void> {
  for (const mail of options.mails) {
    const others = options.mails.filter((one) => one !== mail);
    const alone = await linesOf(filter, options, mail, []);
    // Without answers there is nothing to compare.
    if (alone === undefined) return;
    const second = await linesOf(filter, options, mail, []);
    const after = await linesOf(filter, options, mail, [...others, mail]);
    const aborted = await linesOf(filter, options, mail, [mail], 'aborted');
    compare(alone, second, 'on a second connection');
    compare(alone, after, 'after other messages');
    compare(alone, aborted, 'after an abort');
  }
}

async function linesOf(
  filter: OperatorFunction<Flow, Flow>,
  options: ResolvedContract,
  mail: ClientMail,
  before: readonly ClientMail[],
  how: 'mail' | 'aborted' = 'mail',
): Promise<readonly Line[] | undefined> {
  let lines: readonly Line[] = [];
  const { cut } = await converse(filter, options, async (speaker) => {
    for (const other of before) await speaker[how]({ ...other, ...clientOf(mail) });
    lines = await speaker.mail(mail);
  });
  return cut ? undefined : lines;
}

/** The client stays the same one: the mails are those of one connection. */
function clientOf({ client, helo }: ClientMail): Pick<ClientMail, 'client' | 'helo'> {
  return { ...(client === undefined ? {} : { client }), ...(helo === undefined ? {} : { helo }) };
}

function compare(alone: readonly Line[], again: readonly Line[] | undefined, when: string): void {
  if (again === undefined) return;
  alone.forEach(({ step, told }, at) => {
    const other = again[at];
    if (other !== undefined && firstDifference(told, other.told) === undefined) return;
    const then = other === undefined ? 'there was no such step' : describe(other.told);
    throw new ContractError(
      'no-state',
      step,
      `the first time the MTA was told: ${describe(told)}; ${when}: ${then}.`,
      RULE,
    );
  });
}

function describe({ verdict, reply, modifications }: Told): string {
  const refused = (verdict === 'reject' || verdict === 'tempfail') && reply !== undefined;
  const decision = refused ? describeDecision({ kind: verdict, reply }) : verdict;
  return [decision, ...modifications.map(describeModification)].join(' + ');
}
