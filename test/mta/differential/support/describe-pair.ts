import { describeBench } from '../../support/describe-bench.js';
import { missingForLibmilter } from '../missing-for-libmilter.js';
import { Pair, type Setup } from './pair.js';

/**
 * A suite with the same filter on libmilter and on rxmilter, see `describeBench`. After each test no error of rxmilter
 * may be left.
 */
export function describePair(name: string, setup: Setup, tests: (pair: () => Pair) => void): void {
  describeBench(name, missingForLibmilter(), () => Pair.start(setup), tests);
}
