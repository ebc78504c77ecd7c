// @ts-check
import { join } from 'node:path';

import { checkHouse, formatViolation } from './house.mjs';

const violations = checkHouse(join(import.meta.dirname, '..'));
for (const violation of violations) console.error(formatViolation(violation));
if (violations.length > 0) {
  console.error(`The house is not in order: ${violations.length} violation(s).`);
  process.exitCode = 1;
}
