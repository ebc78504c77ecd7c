import type { ObservableNotification } from 'rxjs';

import { describeValue } from './describe-value.js';
import { drawRows } from './draw-rows.js';
import { DrawingError } from './drawing-error.js';
import { firstDifference, type Difference } from './first-difference.js';
import type { Letters } from './letters.js';

/** What a stream did, and when (in milliseconds). */
export interface Moment {
  readonly frame: number;
  readonly notification: ObservableNotification<unknown>;
}

/** What an expectation is judged by. */
export interface Judge {
  /** Which one it is: `the 2nd flow.expect()`. */
  readonly name: string;
  readonly letters: Letters;
  /** Throws where two values are not equal; by default `firstDifference` compares them. */
  readonly compare: ((expected: unknown, actual: unknown) => void) | undefined;
}

interface Found {
  readonly at: number;
  readonly expected: Moment | undefined;
  readonly actual: Moment | undefined;
  readonly difference?: Difference | undefined;
  readonly cause?: unknown;
}

const PROMISES =
  'Nothing more came. In a drawing no promise settles: a filter that waits for one is tested with simulate().';

/**
 * Compares what a stream did with what it was expected to do.
 *
 * @throws DrawingError with both, one above the other, and the first difference
 */
export function compareStreams(expected: readonly Moment[], actual: readonly Moment[], judge: Judge): void {
  const found = findDifference(expected, actual, judge);
  if (found === undefined) return;
  const both = [expected, actual].map((moments) =>
    moments.map((moment) => ({ frame: moment.frame, symbol: symbolOf(moment, judge.letters) })),
  );
  const drawn = drawRows(both);
  const [wanted = '', came = ''] = drawn.rows;
  const lines = [
    `${judge.name} is not what came out:`,
    '',
    `  expected  ${wanted}`,
    `  actual    ${actual.length === 0 ? '(nothing)' : came}`,
    `            ${' '.repeat(drawn.column(found.at))}^`,
    `At ${found.at} ms:`,
    `  expected  ${describeMoment(found.expected, judge.letters)}`,
    `  actual    ${describeMoment(found.actual, judge.letters)}`,
    ...describeDifference(found),
    ...(found.expected?.notification.kind === 'N' && actual.every(({ frame }) => frame < found.at)
      ? [PROMISES]
      : []),
  ];
  throw new DrawingError(
    lines.join('\n'),
    { expected: listing(expected, judge.letters), actual: listing(actual, judge.letters) },
    { cause: found.cause },
  );
}

function findDifference(
  expected: readonly Moment[],
  actual: readonly Moment[],
  { compare }: Judge,
): Found | undefined {
  for (let at = 0; at < Math.max(expected.length, actual.length); at++) {
    const [want, got] = [expected[at], actual[at]];
    const [wanted, came] = [want?.frame ?? Infinity, got?.frame ?? Infinity];
    if (wanted < came) return { at: wanted, expected: want, actual: undefined };
    if (came < wanted || want === undefined || got === undefined) {
      return { at: came, expected: undefined, actual: got };
    }
    const both = { at: wanted, expected: want, actual: got };
    if (want.notification.kind !== got.notification.kind) return both;
    if (want.notification.kind === 'C') continue;
    const [left, right] = [valueOf(want), valueOf(got)];
    if (compare === undefined) {
      const difference = firstDifference(left, right);
      if (difference !== undefined) return { ...both, difference };
    } else {
      try {
        compare(left, right);
      } catch (cause) {
        return { ...both, cause, difference: firstDifference(left, right) };
      }
    }
  }
  return undefined;
}

function valueOf({ notification }: Moment): unknown {
  if (notification.kind === 'N') return notification.value;
  return notification.kind === 'E' ? notification.error : undefined;
}

function symbolOf({ notification }: Moment, letters: Letters): string {
  if (notification.kind === 'N') return letters.letterOf(notification.value);
  return notification.kind === 'E' ? '#' : '|';
}

function describeMoment(moment: Moment | undefined, letters: Letters): string {
  if (moment === undefined) return 'nothing';
  const symbol = symbolOf(moment, letters);
  if (moment.notification.kind === 'C') return `${symbol}  completes`;
  const value = valueOf(moment);
  return `${symbol}  ${value instanceof Error ? String(value) : describeValue(value)}`;
}

/** Where in a value it is, unless the descriptions say so already. */
function describeDifference({ difference }: Found): string[] {
  if (difference === undefined || ['', '.stage'].includes(difference.path)) return [];
  const { path, expected, actual } = difference;
  return [`  first at  ${path}: expected ${describeValue(expected)}, actual ${describeValue(actual)}`];
}

function listing(moments: readonly Moment[], letters: Letters): string {
  return moments
    .map((moment) => `${String(moment.frame).padStart(5)} ms  ${describeMoment(moment, letters)}`)
    .join('\n');
}
