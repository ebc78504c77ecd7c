import { describeBench } from './describe-bench.js';
import { missingForSendmail } from './requirements.js';
import { SendmailBench } from './sendmail-bench.js';

/**
 * A suite with a Sendmail of its own, see `describeBench`. After each test the log of Sendmail must be free of
 * complaints.
 */
export function describeSendmail(name: string, tests: (bench: () => SendmailBench) => void): void {
  describeBench(name, missingForSendmail(), () => SendmailBench.start(), tests);
}
