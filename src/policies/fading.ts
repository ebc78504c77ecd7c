import { checkArgument, number } from '../common/options.js';

const POINTS = number(0);
const HALF_LIFE = number(1, Infinity, 'milliseconds');

/** Points below this are nothing. */
export const LEAST_SCORE = 0.01;
/** Points do not rise above this, so that they are forgotten after some 37 half-lives at the latest. */
export const MOST_SCORE = 1_000_000_000;

/** What is left of points after a time; all of them where the clock was set back. */
export function faded(points: number, elapsed: number, halfLife: number): number {
  const left = points * 2 ** (-Math.max(0, elapsed) / halfLife);
  return left < LEAST_SCORE ? 0 : left;
}

/** For how long points count, in milliseconds. */
export function lifetimeOf(points: number, halfLife: number): number {
  return halfLife * Math.log2(points / LEAST_SCORE);
}

/** Throws a `RangeError` where points or a half-life cannot be meant: one that is none would stay in a score for good. */
export function checkPoints(what: string, points: number, halfLife: number): void {
  checkArgument(what, 'points', points, POINTS);
  checkArgument(what, 'halfLife', halfLife, HALF_LIFE);
}
