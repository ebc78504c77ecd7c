import fc from 'fast-check';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { lineDiff, unifiedDiff } from '../../src/cli/diff.js';
import { scratch } from './support/scratch.js';

const NAMES = ['before', 'after'] as const;
const patch = spawnSync('patch', ['--version']).status === 0;

describe('a unified diff', () => {
  test('has no lines where there is no difference', () => {
    expect(unifiedDiff('a\nb\n', 'a\nb\n', NAMES)).toEqual([]);
    expect(unifiedDiff('', '', NAMES)).toEqual([]);
  });

  // What diff -u prints of the same
  test.each([
    ['a\n', '', ['@@ -1 +0,0 @@', '-a']],
    ['', 'a\nb\n', ['@@ -0,0 +1,2 @@', '+a', '+b']],
    ['a', 'a\n', ['@@ -1 +1 @@', '-a\n\\ No newline at end of file', '+a']],
    [
      '1\n2\n3\n4\n5\n6\n7\n8\n9\n',
      '1\n2\n3\n4\nx\n6\n7\n8\n9\n',
      ['@@ -2,7 +2,7 @@', ' 2', ' 3', ' 4', '-5', '+x', ' 6', ' 7', ' 8'],
    ],
    [
      '1\n2\n3\n4\n5\n6\n7\n8\n9\n',
      '0\n1\n2\n3\n4\n5\n6\n7\n8\n',
      ['@@ -1,3 +1,4 @@', '+0', ' 1', ' 2', ' 3', '@@ -6,4 +7,3 @@', ' 6', ' 7', ' 8', '-9'],
    ],
  ])('of %j and %j', (before, after, lines) => {
    expect(unifiedDiff(before, after, NAMES)).toEqual(['--- before', '+++ after', ...lines]);
  });

  test('makes the one text of the other, and is no longer than it has to be', () => {
    const texts = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 12 });
    fc.assert(
      fc.property(texts, texts, (before, after) => {
        const diff = lineDiff(before, after);
        const side = (without: string): string[] =>
          diff.filter(({ sign }) => sign !== without).map(({ line }) => line);
        expect([side('+'), side('-')]).toEqual([before, after]);
        expect(diff.filter(({ sign }) => sign === ' ').length).toBe(longest(before, after));
      }),
    );
  });

  test('replaces what is too long to be compared', () => {
    const many = (name: string): string[] => Array.from({ length: 3000 }, (_, at) => `${name}${at}`);
    const diff = lineDiff(['x', ...many('a'), 'y'], ['x', ...many('b'), 'y']);
    expect(diff.filter(({ sign }) => sign === ' ').map(({ line }) => line)).toEqual(['x', 'y']);
    expect(diff).toHaveLength(6002);
  });

  test.skipIf(!patch)(`is understood by patch${patch ? '' : ' (which is not installed)'}`, () => {
    const lines = fc.array(fc.constantFrom('a', 'b', 'c', ''), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(lines, lines, fc.boolean(), (one, other, end) => {
        const [before, after] = [one, other].map((each) => each.join('\n') + (end ? '\n' : '')) as [
          string,
          string,
        ];
        const directory = scratch({ text: before });
        const input = unifiedDiff(before, after, NAMES)
          .map((line) => `${line}\n`)
          .join('');
        if (input === '') return;
        const { status, stdout } = spawnSync('patch', ['-s', '-o', '-', join(directory, 'text')], { input });
        expect([status, stdout.toString()]).toEqual([0, after]);
      }),
      { numRuns: 20 },
    );
  });
});

/** The length of the longest common subsequence, as it is defined. */
function longest(one: readonly string[], other: readonly string[]): number {
  const [first, ...rest] = one;
  if (first === undefined || other.length === 0) return 0;
  const at = other.indexOf(first);
  const without = longest(rest, other);
  return at === -1 ? without : Math.max(without, 1 + longest(rest, other.slice(at + 1)));
}
