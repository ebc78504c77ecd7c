import { describeBench } from './describe-bench.js';
import { PostfixBench } from './postfix-bench.js';
import type { PostfixSettings } from './postfix.js';
import { missingForPostfix } from './requirements.js';

/**
 * A suite with a Postfix of its own, see `describeBench`. After each test the log of Postfix must be free of
 * complaints.
 */
export function describePostfix(
  name: string,
  tests: (bench: () => PostfixBench) => void,
  settings: (milter: PostfixSettings) => PostfixSettings = () => ({}),
): void {
  describeBench(name, missingForPostfix(), () => PostfixBench.start(settings), tests);
}
