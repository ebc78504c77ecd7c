import type { Habits } from './habits.js';
import type { MtaKind } from './mta-kind.js';
import { POSTFIX } from './postfix-habits.js';
import { SENDMAIL } from './sendmail-habits.js';

/** The habits of an MTA. Throws a `TypeError` where it is none that can be played. */
export function habitsOf(mta: MtaKind = 'postfix'): Habits {
  const habits = new Map<unknown, Habits>([
    ['postfix', POSTFIX],
    ['sendmail', SENDMAIL],
  ]).get(mta);
  if (habits === undefined) {
    throw new TypeError(`mta: ${JSON.stringify(mta)} cannot be played. Use 'postfix' or 'sendmail'.`);
  }
  return habits;
}
