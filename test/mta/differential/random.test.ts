import fc from 'fast-check';
import { expect, it } from 'vitest';

import { anySession } from './support/any-session.js';
import { converse, type Heard } from './support/converse.js';
import { describePair } from './support/describe-pair.js';
import { withoutAborts } from './support/without-aborts.js';

const RUNS = 200;
/** Another one each time, but where nobody could look at what a new one finds. */
const seed = process.env.CI === undefined ? Date.now() & 0x7fffffff : 20070131;

/** Whether the two may have told their filters of different aborts; see `deliberate-course.test.ts`. */
function abortsMayDiffer(heard: readonly Heard[]): boolean {
  return heard.some(
    ([said, reply = 'c']) =>
      said === 'unknown' || (said === 'data' && !'ca'.includes(reply)) || (said === 'rcpt' && reply === 'd'),
  );
}

describePair(
  'A filter on rxmilter, in conversations made up at random,',
  { decided: ['connect', 'helo', 'mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom', 'unknown'] },
  (pair) => {
    it(`says what one on libmilter says (seed ${seed})`, async () => {
      let ends = 0;
      const property = fc.asyncProperty(anySession, async ([offer, steps]) => {
        const manner = { offer, polite: true };
        const libmilter = await converse(pair().libmilter, steps, manner);
        const rxmilter = await converse(pair().rxmilter, steps, manner);
        if (abortsMayDiffer(libmilter)) expect(withoutAborts(rxmilter)).toEqual(withoutAborts(libmilter));
        else expect(rxmilter).toEqual(libmilter);
        expect(pair().takeErrors()).toEqual([]);
        ends += libmilter.filter(([said]) => said === 'eom').length;
      });
      await fc.assert(property, { numRuns: RUNS, seed });
      // Of conversations that all end early not much would be learned. Usually it is every second message.
      expect(ends).toBeGreaterThan(RUNS / 10);
    });
  },
);
