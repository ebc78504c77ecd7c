import { describe, expect, it } from 'vitest';

import { firstDifference } from '../../src/testing/first-difference.js';

describe('the first difference', () => {
  it.each([
    [1, 1],
    [NaN, NaN],
    [{ a: 1 }, { a: 1, b: undefined }],
    [
      [1, { a: [2] }],
      [1, { a: [2] }],
    ],
    [Buffer.from('a'), Uint8Array.of(0x61)],
    [new Map([[1, 2]]), new Map([[1, 2]])],
    [new Error('a'), new Error('a')],
    [new Date(0), new Date(0)],
    [expect.any(String), 'a'],
    [{ a: expect.anything() as unknown }, { a: 1 }],
  ])('is undefined between %o and %o', (expected, actual) => {
    expect(firstDifference(expected, actual)).toBeUndefined();
  });

  it.each([
    [1, 2, ''],
    [0, -0, ''],
    [null, {}, ''],
    [{}, null, ''],
    [{ a: 1 }, { a: 2 }, '.a'],
    [{ a: 1 }, {}, '.a'],
    [{}, { a: 1 }, '.a'],
    [{ a: [1, { b: 2 }] }, { a: [1, { b: 3 }] }, '.a[1].b'],
    [[1, 2], [1], ''],
    [Buffer.from('a'), Buffer.from('b'), ''],
    [new Map([[1, 2]]), new Map([[1, 3]]), ''],
    [new Error('a'), new Error('b'), ''],
    [new Date(0), new Date(1), ''],
    [{ a: expect.any(String) as unknown }, { a: 1 }, '.a'],
    [[], {}, ''],
  ])('between %o and %o is at "%s"', (expected, actual, path) => {
    expect(firstDifference(expected, actual)).toMatchObject({ path });
  });
});
