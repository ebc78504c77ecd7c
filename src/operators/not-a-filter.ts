import { shown } from '../common/options.js';
import { ignoreRejection } from '../common/promises.js';
import { messageOf } from '../common/text-of.js';

const FILTERS =
  'A filter is an RxJS operator: what on(), compose() and others make, or a function from an Observable to an Observable. ' +
  "A function that decides about an event becomes one by on('rcpt', fn).";

/** For what cannot be a filter, whatever it is called with. */
export function notAFilter(which: string, value: unknown): TypeError {
  return new TypeError(`${which} is ${shown(value)}, and no filter. ${FILTERS}`);
}

/** For a function that was called as a filter, and gave something else than an Observable. */
export function gaveNoObservable(which: string, result: unknown): TypeError {
  // What is under way in a promise that nobody waits for must not end the process when it fails.
  ignoreRejection(result);
  const what = result instanceof Promise ? 'a promise' : shown(result);
  return new TypeError(
    `${which} is no filter: called with the Observable of the events it returned ${what}, and no Observable. ${FILTERS}`,
  );
}

/** For a function that threw when it was called as a filter. */
export function threwAsFilter(which: string, error: unknown): TypeError {
  return new TypeError(
    `${which} threw when it was called with the Observable of the events: ${messageOf(error)}. ${FILTERS}`,
    { cause: error },
  );
}

/** Whether it can be subscribed to, as an Observable of this copy of RxJS or of another can. */
export function isSubscribable(value: unknown): boolean {
  return (
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    'subscribe' in value &&
    typeof value.subscribe === 'function'
  );
}
