import { describePostfix } from './describe-postfix.js';
import { describeSendmail } from './describe-sendmail.js';
import type { MtaBench } from './mta-bench.js';

/** The same suite twice: once behind a Postfix and once behind a Sendmail, each of its own. */
export function describeMtas(
  name: string,
  tests: (bench: () => MtaBench, mta: MtaBench['mta']) => void,
): void {
  describePostfix(`${name} behind Postfix`, (bench) => tests(bench, 'postfix'));
  describeSendmail(`${name} behind Sendmail`, (bench) => tests(bench, 'sendmail'));
}
