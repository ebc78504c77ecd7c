import { describe } from 'vitest';

import { describePostfix } from './describe-postfix.js';
import type { PostfixBench } from './postfix-bench.js';
import type { PostfixSettings } from './postfix.js';
import { mtaRequired } from './requirements.js';

/**
 * A suite with a Postfix of its own that needs other servers as well; its tests start those themselves. `missing` says
 * what is not there of them: then the suite is skipped, or fails under `RXMILTER_REQUIRE_MTA=1`.
 */
export function describeWith(
  name: string,
  missing: readonly (string | undefined)[],
  tests: (bench: () => PostfixBench) => void,
  settings?: (milter: PostfixSettings) => PostfixSettings,
): void {
  const reason = missing.find((one) => one !== undefined);
  if (reason === undefined || mtaRequired()) describePostfix(name, tests, settings);
  else describe.skip(`${name} (${reason})`, () => tests(unavailable));
}

function unavailable(): never {
  throw new Error('the bench is there inside of tests only');
}
