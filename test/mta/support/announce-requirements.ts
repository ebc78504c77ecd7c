import { missingForPostfix, missingForSendmail, mtaRequired } from './requirements.js';

/** Runs once before all test files: says why the suites will be skipped, or fails where that is not allowed. */
export function setup(): void {
  announce('Postfix', missingForPostfix());
  announce('Sendmail', missingForSendmail());
}

function announce(mta: string, missing: string | undefined): void {
  if (missing === undefined) return;
  if (mtaRequired()) throw new Error(`RXMILTER_REQUIRE_MTA=1, but ${missing}`);
  console.warn(`\nSKIPPED: the tests against a real ${mta} do not run here: ${missing}\n`);
}
