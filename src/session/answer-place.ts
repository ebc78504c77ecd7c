import { placeOf } from '../common/call-site.js';
import { isA } from '../common/text-of.js';
import { AnswerError } from './errors.js';
import type { Modification } from './modifications.js';

/** A call of an operator, such as `on()`: an error that was made and not thrown, whose trace is read only if need be. */
export type Site = Error;

const GIVERS = new WeakMap<Modification, Site>();

/** Notes which operator has given a modification: what is wrong with it may be found only when it is written. */
export function givenBy(site: Site, modification: Modification): void {
  // It may be on its way through another one.
  if (!GIVERS.has(modification)) GIVERS.set(modification, site);
}

/** The operator that has given a modification, as far as is known. */
export function giverOf(modification: Modification | undefined): Site | undefined {
  return modification && GIVERS.get(modification);
}

/** Has an `AnswerError` say where in the user's code it comes from, and gives it back; any other error as it is. */
export function located(error: unknown, site: Site | undefined): unknown {
  if (!isA(error, AnswerError) || error.place !== undefined) return error;
  const place = placeOf(error) ?? placeOf(site);
  if (place === undefined) return error;
  (error as { place: string | undefined }).place = place;
  error.message += ` (at ${place})`;
  return error;
}
