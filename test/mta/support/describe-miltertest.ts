import { describeBench } from './describe-bench.js';
import { MiltertestBench } from './miltertest-bench.js';
import { missingForMiltertest } from './missing-for-miltertest.js';

/**
 * A suite that has miltertest, OpenDKIM's test tool, play the MTA, see `describeBench`. After each test no filter may
 * have complained.
 */
export function describeMiltertest(name: string, tests: (bench: () => MiltertestBench) => void): void {
  describeBench(name, missingForMiltertest(), () => Promise.resolve(new MiltertestBench()), tests);
}
