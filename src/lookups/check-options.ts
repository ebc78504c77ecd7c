/**
 * Throws a `RangeError` that names the option where it is no number from `least` on.
 *
 * @param what such as `rateLimit(): limit`
 * @param whole whether it counts something; `Infinity` does not count
 */
export function checkNumber(what: string, value: unknown, least: number, whole = false): void {
  const fits =
    typeof value === 'number' &&
    value >= least &&
    (whole ? Number.isSafeInteger(value) : Number.isFinite(value));
  if (fits) return;
  const kind = whole ? 'a whole number' : 'a number';
  const said = typeof value === 'string' ? JSON.stringify(value) : String(value);
  throw new RangeError(`${what} is ${said}; it has to be ${kind} from ${least} on.`);
}

/** More does not fit a timer: it would go off at once. */
const LONGEST = 0x7fffffff;

/** The same for the milliseconds of a timer, of which there is a most. */
export function checkTimer(what: string, value: number, least: number): void {
  checkNumber(what, value, least);
  if (value > LONGEST)
    throw new RangeError(`${what} is ${value}; it has to be at most ${LONGEST}, some 24 days.`);
}
