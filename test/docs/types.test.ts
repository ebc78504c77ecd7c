import { expect, test } from 'vitest';

import { snippetsIn, type Snippet } from './support/markdown.js';
import { complaintsAbout } from './support/type-check.js';

const SNIPPETS = snippetsIn('ts', 'js');

test('there are snippets to check', () => {
  expect(SNIPPETS.length).toBeGreaterThan(20);
});

test('every snippet compiles under the settings of this project', { timeout: 60_000 }, () => {
  const wrong: Snippet = {
    page: 'README.md',
    line: 1,
    language: 'ts',
    name: undefined,
    theirs: false,
    code: "on('helo', () => discard());\n",
  };
  const complaints = complaintsAbout([...SNIPPETS, wrong]);

  // The last one is there to see that the check finds anything.
  expect(complaints.filter((complaint) => complaint.startsWith('README.md:1: '))).not.toEqual([]);
  expect(complaints.filter((complaint) => !complaint.startsWith('README.md:1: '))).toEqual([]);
});
