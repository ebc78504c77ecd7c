import type { OperatorFunction } from 'rxjs';

import type { Flow } from '../session/flow.js';
import { makeFilter, stepsOf, type Filter } from './core/filter.js';

/**
 * Puts filters in a row: an event visits them in this order, and the first decision wins.
 *
 * @remarks
 * Modifications that a filter makes without deciding stay on the event for those after it. The result asks the MTA for
 * what all of them need together; with an operator of your own among them that is everything. Without filters it is the
 * identity, which accepts all mail.
 *
 * @example compose(on('connect', checkClient), on('rcpt', checkRecipient), on('eom', () => addHeader('X-Seen', 'yes')))
 */
export function compose(...filters: readonly OperatorFunction<Flow, Flow>[]): Filter {
  return makeFilter(filters.flatMap((filter, at) => stepsOf(filter, `compose(): argument ${at + 1}`)));
}
