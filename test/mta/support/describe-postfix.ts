import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import { PostfixBench } from './postfix-bench.js';
import type { PostfixSettings } from './postfix.js';
import { missingForPostfix, mtaRequired } from './requirements.js';

/**
 * A suite with a Postfix of its own, started before its first test and stopped after its last one.
 *
 * `tests` gets a function for the bench, to be called inside of tests only. After each test the log of Postfix must
 * be free of complaints. Without Postfix the suite is skipped, or fails under `RXMILTER_REQUIRE_MTA=1`.
 */
export function describePostfix(
  name: string,
  tests: (bench: () => PostfixBench) => void,
  settings: (milter: PostfixSettings) => PostfixSettings = () => ({}),
): void {
  const missing = missingForPostfix();
  if (missing !== undefined && !mtaRequired()) {
    describe.skip(`${name} (${missing})`, () => tests(unavailable));
    return;
  }
  describe(name, () => {
    let bench: PostfixBench | undefined;
    beforeAll(async () => {
      if (missing !== undefined) throw new Error(missing);
      bench = await PostfixBench.start(settings);
    });
    afterEach(() => bench?.settle());
    afterAll(() => bench?.stop());
    tests(() => bench ?? unavailable());
  });
}

function unavailable(): never {
  throw new Error('the bench is there inside of tests only');
}
