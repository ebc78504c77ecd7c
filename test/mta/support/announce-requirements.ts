import { missingForOpenDkim } from './opendkim.js';
import { missingForPostfix, mtaRequired } from './requirements.js';

/** Runs once before all test files: says why suites will be skipped, or fails where that is not allowed. */
export function setup(): void {
  announce('the tests against a real Postfix', missingForPostfix());
  announce('the tests with OpenDKIM', missingForOpenDkim());
}

function announce(what: string, missing: string | undefined): void {
  if (missing === undefined) return;
  if (mtaRequired()) throw new Error(`RXMILTER_REQUIRE_MTA=1, but ${missing}`);
  console.warn(`\nSKIPPED: ${what} do not run here: ${missing}\n`);
}
