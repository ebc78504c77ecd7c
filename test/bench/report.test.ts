import { describe, expect, test } from 'vitest';

import type { Sample } from '../../bench/report/figures.mjs';
import { report } from '../../bench/report/report.mjs';

const RESULT = { trips: 1, rate: 1000, user: 1, p50: 1, p99: 1, max: 1, peakRss: 1024 * 1024 };
const sample = (target: string, round: number, cpu: number, cell: Partial<Sample['cell']>): Sample => ({
  cell: { mode: 'busy', work: 'g', transport: 'unix', connections: 100, ...cell },
  target,
  round,
  result: { ...RESULT, cpu },
});

/** The cells of each line of a table that begins with these. */
const lines = (text: string, ...begin: string[]): string[][] =>
  text
    .split('\n')
    .map((line) => line.split(/ {2,}/))
    .filter((cells) => begin.every((cell, at) => cells[at] === cell));

describe('the report', () => {
  test('holds each work against its own floor, and against the work that it is built on', () => {
    const text = report([
      sample('rxmilter', 0, 99, { connections: 1 }),
      ...[sample('rxmilter', 0, 20, {}), sample('floor', 0, 5, {})],
      ...[sample('rxmilter', 0, 30, { work: 'j' }), sample('floor', 0, 6, { work: 'j' })],
      ...[sample('rxmilter', 0, 300, { work: 'm' }), sample('floor', 0, 1, { work: 'm' })],
      sample('floor-file', 0, 100, { work: 'm' }),
    ]);
    const [g, j, m] = lines(text, 'unix', '100', 'rxmilter');
    expect(g?.[8]).toBe('4.00');
    expect(j?.slice(8, 10)).toEqual(['5.00', '1.50']);
    expect(m?.[9]).toBe('3.00');
    expect(lines(text, 'via').map((head) => head.filter((name) => name.startsWith('x ')))).toEqual([
      ['x floor'],
      ['x floor', 'x (g)'],
      ['x floor-file'],
    ]);
  });

  test('says what the answer to DATA costs, round by round, and shows no line for those without it', () => {
    const tcp = { transport: 'inet', work: 'c' } as const;
    const text = report([
      ...[sample('rxmilter', 0, 16, tcp), sample('rxmilter', 1, 30, tcp), sample('rxmilter', 2, 17, tcp)],
      ...[0, 1, 2].map((round) => sample('rxmilter-nodata', round, 12, tcp)),
      ...[0, 1, 2].map((round) => sample('floor-nodata', round, 8, tcp)),
    ]);
    expect(text).toContain(
      'what the answer to DATA costs at 100 connection(s): 5.00 us a message; x floor without it 1.50',
    );
    expect(lines(text, 'inet', '100').map(([, , target]) => target)).toEqual(['rxmilter']);
  });

  test('says what a part more costs, and whether that stays the same', () => {
    const at = (size: number, cpu: number): Sample =>
      sample('rxmilter', 0, cpu, { grown: { kind: 'headers', size } });
    const text = report([at(10, 100), at(30, 110), at(110, 300)]);
    expect(lines(text, 'g', 'rxmilter')).toEqual([
      ['g', 'rxmilter', '10', '100'],
      ['g', 'rxmilter', '30', '110', '0.50', '0.25'],
      ['g', 'rxmilter', '110', '300', '2.00', '1.00'],
    ]);
  });

  test('counts bodies by the MB', () => {
    const at = (size: number, cpu: number): Sample =>
      sample('floor', 0, cpu, { grown: { kind: 'body', size } });
    const text = report([at(2048, 100), at(2048 + 1024 * 1024, 350)]);
    expect(lines(text, 'g', 'floor')[1]?.slice(3)).toEqual(['350', '250', '1.00']);
  });

  test('shows what is resident after each tenth', () => {
    const tenths = Array.from({ length: 10 }, (_, at) => ({
      messages: at,
      rss: (at + 60) * 1024 * 1024,
      cpu: at,
    }));
    const cell = { mode: 'messages', messages: 1000 } as const;
    const text = report([{ ...sample('rxmilter', 0, 0, cell), result: { tenths } }]);
    expect(text).toContain('100 connections send 1000 messages');
    const memory = ['60.0', '61.0', '62.0', '63.0', '64.0', '65.0', '66.0', '67.0', '68.0', '69.0'];
    expect(lines(text, 'g', 'rxmilter')).toEqual([['g', 'rxmilter', ...memory, '1.00', '9.00']]);
  });

  test('has no figure where a window was too short for one', () => {
    const text = report([sample('libmilter', 0, 0, {}), sample('floor', 0, 0, {})]);
    expect(text).not.toMatch(/NaN|Infinity/);
  });
});
