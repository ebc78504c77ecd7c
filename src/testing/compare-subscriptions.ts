import { drawRows, type Mark } from './draw-rows.js';
import { DrawingError } from './drawing-error.js';

/** From when to when somebody was subscribed, in milliseconds; `Infinity` where that never was. */
export interface SubscriptionTimes {
  readonly subscribedFrame: number;
  readonly unsubscribedFrame: number;
}

/**
 * Compares when a source was subscribed to with when it was expected to be.
 *
 * @throws DrawingError with both, one above the other
 */
export function compareSubscriptions(
  expected: readonly SubscriptionTimes[],
  actual: readonly SubscriptionTimes[],
  name: string,
): void {
  const same =
    expected.length === actual.length &&
    expected.every(
      ({ subscribedFrame, unsubscribedFrame }, at) =>
        subscribedFrame === actual[at]?.subscribedFrame && unsubscribedFrame === actual[at].unsubscribedFrame,
    );
  if (same) return;
  const { rows } = drawRows([...expected, ...actual].map(marksOf));
  const [wanted, came] = [rows.slice(0, expected.length), rows.slice(expected.length)];
  const lines = [
    `${name} is not how it was subscribed to:`,
    '',
    ...labelled('expected', wanted),
    ...labelled('actual', came),
  ];
  throw new DrawingError(lines.join('\n'), { expected: wanted.join('\n'), actual: came.join('\n') });
}

function marksOf({ subscribedFrame, unsubscribedFrame }: SubscriptionTimes): Mark[] {
  return [
    { frame: subscribedFrame, symbol: '^' },
    ...(unsubscribedFrame === Infinity ? [] : [{ frame: unsubscribedFrame, symbol: '!' }]),
  ];
}

function labelled(label: string, rows: readonly string[]): string[] {
  if (rows.length === 0) return [`  ${label.padEnd(8)}  not at all`];
  return rows.map((row, at) => `  ${(at === 0 ? label : '').padEnd(8)}  ${row}`);
}
