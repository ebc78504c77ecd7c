import type { OperatorFunction } from 'rxjs';

import type { Flow } from '../session/flow.js';
import { makeFilter, stepsOf, type Filter } from './core/filter.js';

/**
 * Puts filters in a row, left to right like `pipe()`; the first decision wins.
 *
 * @remarks
 * Modifications without a decision stay on the event for later filters. The MTA is asked for what all filters need
 * together: for everything, where an operator of your own is among them. Without filters all mail is accepted.
 *
 * @example compose(on('connect', checkClient), on('rcpt', checkRecipient), on('eom', () => addHeader('X-Seen', 'yes')))
 */
export function compose(...filters: readonly OperatorFunction<Flow, Flow>[]): Filter {
  return makeFilter(filters.flatMap((filter, at) => stepsOf(filter, `compose(): argument ${at + 1}`)));
}
