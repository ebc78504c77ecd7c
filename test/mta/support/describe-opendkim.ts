import { afterAll, afterEach, beforeAll, describe } from 'vitest';

import { describePostfix } from './describe-postfix.js';
import { OpenDkim, missingForOpenDkim } from './opendkim.js';
import type { PostfixBench } from './postfix-bench.js';
import { mtaRequired } from './requirements.js';

/**
 * A suite with a Postfix and OpenDKIMs of its own; what a test starts of the latter is stopped after it.
 *
 * Without OpenDKIM the suite is skipped, or fails under `RXMILTER_REQUIRE_MTA=1`.
 */
export function describeOpenDkim(
  name: string,
  tests: (bench: () => PostfixBench, dkim: () => OpenDkim) => void,
): void {
  const missing = missingForOpenDkim();
  if (missing !== undefined && !mtaRequired()) {
    describe.skip(`${name} (${missing})`, () => tests(unavailable, unavailable));
    return;
  }
  describePostfix(name, (bench) => {
    let dkim: OpenDkim | undefined;
    beforeAll(async () => {
      if (missing !== undefined) throw new Error(missing);
      dkim = await OpenDkim.make();
    });
    afterEach(() => dkim?.stop());
    afterAll(() => dkim?.remove());
    tests(bench, () => dkim ?? unavailable());
  });
}

function unavailable(): never {
  throw new Error('it is there inside of tests only');
}
