import type { MtaKind } from '../client/mta-kind.js';
import type { Habits } from './habits.js';
import { POSTFIX } from './postfix-habits.js';
import { SENDMAIL } from './sendmail-habits.js';

const HABITS: Readonly<Record<MtaKind, Habits>> = { postfix: POSTFIX, sendmail: SENDMAIL };

/** The habits of an MTA. */
export function habitsOf(mta: MtaKind = 'postfix'): Habits {
  return HABITS[mta];
}
