import { expect, test } from 'vitest';

import { Version } from '../support/version.js';
import { ofVersion } from './of-version.js';

test.each([
  ['tempfail', '3.11.0', 'tempfail'],
  ['tempfail; shutdown from 3.11 on', '3.10.13', 'tempfail'],
  ['tempfail; shutdown from 3.11 on', '3.12', 'shutdown'],
  ['tempfail; shutdown from 3.11, 3.10.8 and 3.9.9 on', '3.10.8', 'shutdown'],
  ['tempfail; shutdown from 3.11, 3.10.8 and 3.9.9 on', '3.9.9', 'shutdown'],
  ['tempfail; shutdown from 3.11, 3.10.8 and 3.9.9 on', '3.9.8', 'tempfail'],
])('of the cell "%s" version %s has: %s', (cell, version, what) => {
  expect(ofVersion(cell, new Version(version))).toBe(what);
});
