import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import { MiltertestBench } from './miltertest-bench.js';
import { missingForMiltertest } from './missing-for-miltertest.js';
import { mtaRequired } from './requirements.js';

/**
 * A suite that has miltertest, OpenDKIM's test tool, play the MTA. After each test no filter may have complained.
 *
 * Without miltertest the suite is skipped, with a reason, or fails under `RXMILTER_REQUIRE_MTA=1`.
 */
export function describeMiltertest(name: string, tests: (bench: () => MiltertestBench) => void): void {
  const missing = missingForMiltertest();
  if (missing !== undefined && !mtaRequired()) {
    console.warn(`\nSKIPPED: ${name}: ${missing}\n`);
    describe.skip(`${name} (${missing})`, () => tests(unavailable));
    return;
  }
  describe(name, () => {
    let bench: MiltertestBench | undefined;
    beforeAll(() => {
      if (missing !== undefined) throw new Error(missing);
      bench = new MiltertestBench();
    });
    afterEach(() => bench?.settle());
    afterAll(() => bench?.stop());
    tests(() => bench ?? unavailable());
  });
}

function unavailable(): never {
  throw new Error('the bench is there inside of tests only');
}
