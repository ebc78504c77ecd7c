import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { markdown, withTable } from '../../bench/chart/markdown.mjs';
import { summarised, toJson, type Results } from '../../bench/chart/summary.mjs';
import { svg } from '../../bench/chart/svg.mjs';
import { WORKS } from '../../bench/mail/works.mjs';

const read = (name: string): string => readFileSync(new URL(`../../bench/${name}`, import.meta.url), 'utf8');
const kept = JSON.parse(read('results.json')) as Results;
const AGAIN = 'run "node bench/chart.mjs"';

/** The names of all elements, where each has an end, attributes are quoted, and no character stands for another. */
function elementsOf(document: string): string[] {
  const open: string[] = [];
  const names: string[] = [];
  const rest = document.replace(
    /<(\/?)([a-z]+)((?: [\w:-]+="[^"<&]*")*)(\/?)>/gi,
    (_tag, end, name, _given, alone) => {
      if (end === '') names.push(String(name));
      if (end === '/') expect(open.pop()).toBe(name);
      else if (alone === '') open.push(String(name));
      return '';
    },
  );
  expect(open).toEqual([]);
  expect(rest.replace(/&#\d+;/g, '')).not.toMatch(/[<>&]/);
  return names;
}

describe('the chart of the benchmark', () => {
  test('is what the script makes of the figures that are kept', () => {
    expect(read('cpu.svg'), AGAIN).toBe(svg(kept));
  });

  test('is a small document of its own that draws, and names every work', () => {
    const document = svg(kept);
    const names = new Set(elementsOf(document));
    expect([...names].sort()).toEqual(['desc', 'line', 'rect', 'style', 'svg', 'text', 'title']);
    expect(document).toContain('xmlns="http://www.w3.org/2000/svg"');
    expect(document).not.toMatch(/@import|url\(|href/);
    expect(Buffer.byteLength(document)).toBeLessThan(20_000);
    for (const [work, { label }] of Object.entries(WORKS)) {
      expect(document).toContain(`>(${work})</text>`);
      expect(document).toContain(`>${label}</text>`);
      expect(document).toContain(`(${work}) ${label}: bare node:net`);
    }
  });

  test('gives each work a scale on which bars are as long as what they stand for', () => {
    const figure = { work: 'a', transport: 'unix', connections: 100, spread: 0 };
    const document = svg({
      machine: kept.machine,
      figures: [
        { ...figure, target: 'libmilter', cpu: 9, connections: 1000 },
        { ...figure, target: 'libmilter', cpu: 9, transport: 'inet' },
        { ...figure, target: 'libmilter', cpu: 9, grown: 'headers 10' },
        { ...figure, target: 'floor', cpu: 50, ratio: 1 },
        { ...figure, target: 'rxmilter', cpu: 100, ratio: 2 },
        { ...figure, target: 'libmilter', cpu: 2000, ratio: 40 },
      ],
    });
    const bars = [...document.matchAll(/class="(\w+)" x="170" y="[\d.]+" width="([\d.]+)"/g)];
    const widths: Record<string, number> = Object.fromEntries(
      bars.map(([, target, width]) => [target, Number(width)]),
    );
    expect(widths.libmilter).toBeCloseTo(20 * (widths.rxmilter ?? 0), 0);
    expect(widths.libmilter).toBeCloseTo(40 * (widths.floor ?? 0), -1);
    expect(document).toContain('>50 µs</text>');
    expect(document).toContain('>100 µs · 2.0×</text>');
    expect(document).toContain('>2.0 ms · 40.0×</text>');
    expect(document.match(/not measured<\/text>/g)).toHaveLength(3 * (Object.keys(WORKS).length - 1));
  });
});

describe('the table of the benchmark', () => {
  test('is what the script makes of the figures that are kept', () => {
    expect(read('README.md'), AGAIN).toContain(markdown(kept));
  });

  test('has a row for each work', () => {
    const rows = markdown(kept)
      .split('\n')
      .filter((line) => line.startsWith('| '));
    expect(rows.slice(2).map((row) => row.slice(2, 3))).toEqual(Object.keys(WORKS));
  });

  test('goes where the marks are, and nowhere else', () => {
    const page = `above\n${markdown(kept)}\nbelow\n`;
    const other = { ...kept, machine: { ...kept.machine, date: '2000-01-01' } };
    expect(withTable(page, other)).toBe(`above\n${markdown(other)}\nbelow\n`);
    expect(() => withTable('above\nbelow\n', kept)).toThrow('the page has no "<!-- begin of');
  });
});

describe('the figures that are kept of a run', () => {
  const cell = { mode: 'busy', work: 'm', transport: 'unix', connections: 8 } as const;
  const sample = (
    target: string,
    round: number,
    cpu: number,
    more = {},
  ): Parameters<typeof summarised>[0]['samples'][number] => ({
    cell: { ...cell, ...more },
    target,
    round,
    result: { cpu },
  });
  const samples = [
    ...[sample('floor', 0, 10), sample('floor', 1, 10), sample('floor', 2, 10)],
    ...[sample('floor-file', 0, 1000), sample('floor-file', 1, 2000), sample('floor-file', 2, 1500)],
    ...[sample('rxmilter', 0, 3000), sample('rxmilter', 1, 4000), sample('rxmilter', 2, 1500)],
    sample('rxmilter', 0, 77.777, { work: 'b', grown: { kind: 'headers', size: 10 } }),
    sample('rxmilter', 0, NaN, { mode: 'idle' }),
  ];
  const results = summarised({ machine: kept.machine, samples });

  test('are medians, with the spread, and the ratio to the floor of the work in the same round', () => {
    const { figures } = results;
    const common = { work: 'm', transport: 'unix', connections: 8 };
    expect(figures).toEqual([
      { ...common, target: 'floor', cpu: 10, spread: 0, ratio: 0.01 },
      { ...common, target: 'floor-file', cpu: 1500, spread: 0.667, ratio: 1 },
      { ...common, target: 'rxmilter', cpu: 3000, spread: 0.833, ratio: 2 },
      { ...common, work: 'b', grown: 'headers 10', target: 'rxmilter', cpu: 77.8, spread: 0 },
    ]);
  });

  test('are written one a line', () => {
    expect(JSON.parse(toJson(results))).toEqual(results);
    expect(toJson(results).match(/^ {4}\{.*\},?$/gm)).toHaveLength(results.figures.length);
    expect(read('results.json')).toBe(toJson(kept));
  });
});
