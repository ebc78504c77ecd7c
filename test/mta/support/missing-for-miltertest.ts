import { existsSync } from 'node:fs';

/** Where Debian and Ubuntu have it. */
export const MILTERTEST = '/usr/bin/miltertest';

/** Says what is missing on this machine for running miltertest, or `undefined` when nothing is. */
export function missingForMiltertest(): string | undefined {
  if (existsSync(MILTERTEST)) return undefined;
  return `miltertest is not installed (no ${MILTERTEST}); run test/mta/install.sh`;
}
