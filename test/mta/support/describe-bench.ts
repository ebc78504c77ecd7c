import { afterAll, afterEach, beforeAll, describe } from 'vitest';

import { mtaRequired } from './requirements.js';

/** What a bench can do for the suite that it belongs to. */
interface Bench {
  /** Called after each test. */
  settle(): Promise<void>;
  /** Called after the last one. */
  stop(): Promise<void>;
}

/**
 * A suite with a bench of its own, started before its first test and stopped after its last one.
 *
 * `tests` gets a function for the bench, to be called inside of tests only. Where something is `missing` the suite is
 * skipped, or fails under `RXMILTER_REQUIRE_MTA=1`.
 */
export function describeBench<B extends Bench>(
  name: string,
  missing: string | undefined,
  start: () => Promise<B>,
  tests: (bench: () => B) => void,
): void {
  if (missing !== undefined && !mtaRequired()) {
    describe.skip(`${name} (${missing})`, () => tests(unavailable));
    return;
  }
  describe(name, () => {
    let bench: B | undefined;
    beforeAll(async () => {
      if (missing !== undefined) throw new Error(missing);
      bench = await start();
    });
    afterEach(() => bench?.settle());
    afterAll(() => bench?.stop());
    tests(() => bench ?? unavailable());
  });
}

function unavailable(): never {
  throw new Error('the bench is there inside of tests only');
}
