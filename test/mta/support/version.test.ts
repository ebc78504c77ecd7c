import { expect, test } from 'vitest';

import { Version } from './version.js';

test.each([
  ['3.11.7', ['3.10'], true],
  ['3.10.0', ['3.10'], true],
  ['3.9.12', ['3.10'], false],
  ['3.12-20260821', ['3.12'], true],
  ['8.17.1.9', ['8.17.2'], false],
  ['8.17.1.9', ['8.17.1'], true],
  ['8.18.2', ['8.18'], true],
  ['3.10.7', ['3.11', '3.10.8', '3.9.9'], false],
  ['3.10.8', ['3.11', '3.10.8', '3.9.9'], true],
  ['3.9.13', ['3.9.9', '3.10.8', '3.11'], true],
  ['3.8.15', ['3.11', '3.10.8', '3.9.9'], false],
  ['4.0', ['3.11', '3.10.8', '3.9.9'], true],
])('version %s is one of %j, or a later one of the same line: %s', (version, releases, is) => {
  expect(new Version(version).atLeast(...releases)).toBe(is);
});
