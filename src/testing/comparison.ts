import { isDeepStrictEqual } from 'node:util';
import type { ObservableNotification } from 'rxjs';

import { describeValue } from './describe-value.js';
import { DrawingError } from './drawing-error.js';
import { firstDifference, type Difference } from './first-difference.js';
import type { Letters } from './letters.js';

/** A notification of a stream, and its time in milliseconds; as RxJS's `TestScheduler` notes them. */
export interface Moment {
  readonly frame: number;
  readonly notification: ObservableNotification<unknown>;
}

/** The times of a subscription, in milliseconds; `Infinity` where it did not begin, or did not end. */
export interface SubscriptionTimes {
  readonly subscribedFrame: number;
  readonly unsubscribedFrame: number;
}

/** Throws where two values are not equal. */
export type Compare = (expected: unknown, actual: unknown) => void;

/** The first time at which two streams differ. */
interface Found {
  readonly frame: number;
  readonly expected: Moment | undefined;
  readonly actual: Moment | undefined;
  readonly difference?: Difference | undefined;
  readonly cause?: unknown;
}

/** A letter or sign in a diagram, and its time in milliseconds. */
interface Mark {
  readonly frame: number;
  readonly symbol: string;
}

/** Longer pauses are written as times: their dashes could not be counted by eye. */
const MOST_DASHES = 20;
const PROMISES =
  'Nothing more came. In a drawing no promise settles: a filter that waits for one is tested with simulate().';

/**
 * Compares a stream with the expected one.
 *
 * @param name the words for the expectation in the message
 * @param compare by default values are compared field by field
 * @throws DrawingError with both diagrams, one above the other, and the first difference
 */
export function compareStreams(
  expected: readonly Moment[],
  actual: readonly Moment[],
  name: string,
  letters: Letters,
  compare: Compare | undefined,
): void {
  const found = findDifference(expected, actual, compare);
  if (found === undefined) return;
  const symbolOf = ({ notification }: Moment): string => {
    if (notification.kind === 'N') return letters.letterOf(notification.value);
    return notification.kind === 'E' ? '#' : '|';
  };
  const describe = (moment: Moment | undefined): string => {
    if (moment === undefined) return 'nothing';
    const value = valueOf(moment);
    const completes = moment.notification.kind === 'C';
    const words = value instanceof Error ? String(value) : completes ? 'completes' : describeValue(value);
    return `${symbolOf(moment)}  ${words}`;
  };
  const listing = (moments: readonly Moment[]): string =>
    moments.map((one) => `${String(one.frame).padStart(5)} ms  ${describe(one)}`).join('\n');
  const { rows, columns } = drawRows(
    [expected, actual].map((moments) => moments.map((one) => ({ frame: one.frame, symbol: symbolOf(one) }))),
  );
  const { frame, difference } = found;
  const lines = [
    `${name} is not what came out:`,
    '',
    `  expected  ${rows[0] ?? ''}`,
    `  actual    ${actual.length === 0 ? '(nothing)' : (rows[1] ?? '')}`,
    `            ${' '.repeat(columns.get(frame) ?? 0)}^`,
    `At ${frame} ms:`,
    `  expected  ${describe(found.expected)}`,
    `  actual    ${describe(found.actual)}`,
  ];
  // Elsewhere the descriptions say it already.
  if (difference !== undefined && !['', '.stage'].includes(difference.path)) {
    const [want, got] = [difference.expected, difference.actual].map(describeValue);
    lines.push(`  first at  ${difference.path}: expected ${want ?? ''}, actual ${got ?? ''}`);
  }
  if (found.expected?.notification.kind === 'N' && actual.every((one) => one.frame < frame)) {
    lines.push(PROMISES);
  }
  const both = { expected: listing(expected), actual: listing(actual) };
  throw new DrawingError(lines.join('\n'), both, { cause: found.cause });
}

function findDifference(
  expected: readonly Moment[],
  actual: readonly Moment[],
  compare: Compare | undefined,
): Found | undefined {
  for (let at = 0; at < Math.max(expected.length, actual.length); at++) {
    const frame = Math.min(expected[at]?.frame ?? Infinity, actual[at]?.frame ?? Infinity);
    const [want, got] = [expected[at], actual[at]].map((one) => (one?.frame === frame ? one : undefined));
    const found = { frame, expected: want, actual: got };
    if (want?.notification.kind !== got?.notification.kind) return found;
    const values = [valueOf(want), valueOf(got)] as const;
    const difference = firstDifference(...values);
    if (compare === undefined && difference !== undefined) return { ...found, difference };
    try {
      if (want?.notification.kind !== 'C') compare?.(...values);
    } catch (cause) {
      return { ...found, difference, cause };
    }
  }
  return undefined;
}

function valueOf(moment: Moment | undefined): unknown {
  const { notification } = moment ?? {};
  if (notification?.kind === 'N') return notification.value;
  return notification?.kind === 'E' ? notification.error : undefined;
}

/** Compares the subscriptions to a source with the expected ones; throws a `DrawingError` with both. */
export function compareSubscriptions(
  expected: readonly SubscriptionTimes[],
  actual: readonly SubscriptionTimes[],
  name: string,
): void {
  if (isDeepStrictEqual(expected, actual)) return;
  const { rows } = drawRows(
    [...expected, ...actual].map(({ subscribedFrame, unsubscribedFrame }) => [
      { frame: subscribedFrame, symbol: '^' },
      ...(unsubscribedFrame === Infinity ? [] : [{ frame: unsubscribedFrame, symbol: '!' }]),
    ]),
  );
  const both = { expected: rows.slice(0, expected.length), actual: rows.slice(expected.length) };
  const lines = Object.entries(both).flatMap(([label, drawn]) =>
    (drawn.length === 0 ? ['not at all'] : drawn).map(
      (row, at) => `  ${(at === 0 ? label : '').padEnd(8)}  ${row}`,
    ),
  );
  throw new DrawingError([`${name} is not how it was subscribed to:`, '', ...lines].join('\n'), {
    expected: both.expected.join('\n'),
    actual: both.actual.join('\n'),
  });
}

/** Draws diagrams one above the other: events of the same time stand in the same column. */
function drawRows(rows: readonly (readonly Mark[])[]): {
  readonly rows: readonly string[];
  readonly columns: ReadonlyMap<number, number>;
} {
  const columns = new Map<number, number>();
  let lines = rows.map(() => '');
  const frames = [...new Set(rows.flat().map(({ frame }) => frame))].sort((a, b) => a - b);
  let time = Math.min(0, frames[0] ?? 0);
  for (const frame of frames) {
    const gap = frame - time;
    const pause = gap > MOST_DASHES ? ` ${gap}ms ` : '-'.repeat(Math.max(0, gap));
    const cells = rows.map((row) => cellOf(row.filter((mark) => mark.frame === frame)));
    const width = Math.max(...cells.map((cell) => cell.length));
    columns.set(frame, (lines[0]?.length ?? 0) + pause.length);
    lines = rows.map((row, at) => {
      const before = row.some((mark) => mark.frame >= frame) ? pause : ' '.repeat(pause.length);
      const rest = row.some((mark) => mark.frame > frame) ? '-' : ' ';
      return (lines[at] ?? '') + before + (cells[at] ?? '').padEnd(width, rest);
    });
    time = frame + width;
  }
  return { rows: lines.map((line) => line.trimEnd()), columns };
}

/** Marks of the same time stand in brackets, which take their time as in RxJS's syntax. */
function cellOf(marks: readonly Mark[]): string {
  const text = marks.map(({ symbol }) => symbol).join('');
  return marks.length > 1 ? `(${text})` : text;
}
