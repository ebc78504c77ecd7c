import { checkArgument, number } from '../common/options.js';

const POINTS = number(0);
const HALF_LIFE = number(1, Infinity, 'milliseconds');

/** Fewer points count as 0. */
export const LEAST_SCORE = 0.01;
/** Points do not rise above this, so that they are forgotten after some 37 half-lives at the latest. */
export const MOST_SCORE = 1_000_000_000;

/** The rest of points after a time; all of them where the clock was set back. */
export function decayed(points: number, elapsed: number, halfLife: number): number {
  const rest = points * 2 ** (-Math.max(0, elapsed) / halfLife);
  return rest < LEAST_SCORE ? 0 : rest;
}

/** For how long points count, in milliseconds. */
export function lifetimeOf(points: number, halfLife: number): number {
  return halfLife * Math.log2(points / LEAST_SCORE);
}

/** Throws a `RangeError` where points or a half-life are wrong: NaN, for one, would stay in a score for good. */
export function checkPoints(where: string, points: number, halfLife: number): void {
  checkArgument(where, 'points', points, POINTS);
  checkArgument(where, 'halfLife', halfLife, HALF_LIFE);
}
