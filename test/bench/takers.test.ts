import { describe, expect, test } from 'vitest';

import type { Cell } from '../../bench/lib/measure.mjs';
import { TARGETS } from '../../bench/lib/names.mjs';
import { takersOf } from '../../bench/lib/takers.mjs';

const ALL = [...TARGETS, 'against', 'filter'];
const busy: Cell = { mode: 'busy', work: 'g', transport: 'unix', connections: 1 };
const tcp: Cell = { ...busy, transport: 'inet' };
const strangers = [
  { name: 'socket', endpoint: 'unix:/sock', transport: 'unix' as const, pid: 1 },
  { name: 'port', endpoint: 'inet:1@127.0.0.1', transport: 'inet' as const, pid: 2 },
];
const grown = { kind: 'headers', size: 10 };
const common = ['rxmilter', 'floor', 'libmilter', 'against'];

describe('those who take part', () => {
  test.each<[string, Cell, string[]]>([
    ['in a work', busy, [...common, 'filter', 'socket']],
    ['over TCP', tcp, [...common, 'filter', 'port']],
    [
      'in hashing',
      { ...busy, work: 'd' },
      ['rxmilter', 'floor', 'floor-sha256', 'libmilter', 'against', 'filter', 'socket'],
    ],
    [
      'in files',
      { ...busy, work: 'm' },
      ['rxmilter', 'floor', 'floor-file', 'libmilter', 'against', 'filter', 'socket'],
    ],
    ['in growth', { ...busy, grown }, [...common, 'filter']],
    ['in many messages', { ...busy, mode: 'messages' }, common],
    ['in holding connections', { ...busy, mode: 'idle', work: 'a' }, common],
    [
      'in streaming',
      { ...busy, mode: 'memory', work: 'iterable' },
      ['rxmilter', 'rxmilter-gc', 'floor-sha256', 'against'],
    ],
    ['in rewriting', { ...busy, mode: 'memory', work: 'whole' }, ['rxmilter', 'rxmilter-gc', 'against']],
  ])('%s', (_what, cell, names) => {
    expect(takersOf(cell, ALL, { answer: '00' }, strangers).map(({ name }) => name)).toEqual(names);
  });

  test('have a floor of their own where DATA is not answered, of the kind of the work', () => {
    const takers = takersOf({ ...tcp, work: 'd' }, ALL, { answer: '00', withoutData: '01' }, []);
    const quiet = takers.filter(({ name }) => name.endsWith('-nodata'));
    expect(quiet).toEqual([
      { name: 'rxmilter-nodata', program: 'rxmilter', negotiation: '01' },
      { name: 'floor-sha256-nodata', program: 'floor-sha256', negotiation: '01' },
    ]);
    expect(takers.find(({ name }) => name === 'floor-sha256')?.negotiation).toBe('00');
  });
});
