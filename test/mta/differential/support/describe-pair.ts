import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest';
import { mtaRequired } from '../../support/requirements.js';
import { missingForLibmilter } from '../missing-for-libmilter.js';
import { Pair, type Setup } from './pair.js';

/**
 * A suite with the same filter on libmilter and on rxmilter, both started before its first test and stopped after its
 * last one.
 *
 * `tests` gets a function for the two, to be called inside of tests only. After each test no error of rxmilter may be
 * left. Without libmilter the suite is skipped, or fails under `RXMILTER_REQUIRE_MTA=1`.
 */
export function describePair(name: string, setup: Setup, tests: (pair: () => Pair) => void): void {
  const missing = missingForLibmilter();
  if (missing !== undefined && !mtaRequired()) {
    console.warn(`SKIPPED: ${name}: ${missing}`);
    describe.skip(`${name} (${missing})`, () => tests(unavailable));
    return;
  }
  describe(name, () => {
    let pair: Pair | undefined;
    beforeAll(async () => {
      if (missing !== undefined) throw new Error(missing);
      pair = await Pair.start(setup);
    });
    afterEach(() => expect(pair?.takeErrors() ?? []).toEqual([]));
    afterAll(() => pair?.stop());
    tests(() => pair ?? unavailable());
  });
}

function unavailable(): never {
  throw new Error('the filters are there inside of tests only');
}
