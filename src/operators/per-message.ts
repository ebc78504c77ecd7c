import type { OperatorFunction } from 'rxjs';

import type { Flow } from '../session/flow.js';
import { BIT } from '../session/stage.js';
import { makeFilter, type Filter } from './core/filter.js';
import { scopedStep } from './core/scoped-step.js';

/**
 * Gives each message a filter of its own, with state of its own.
 *
 * @remarks
 * It is made at the first event of a message that it wants, and dies when the message is over: after `eom`, at an
 * abort, after a decision about the whole message. What runs in it is then cancelled. Events that belong to no message
 * (`connect`, `helo`) pass it by. The factory is also called once beforehand, only to learn which stages the filter
 * wants: it should do nothing but make it. Where it throws, that event gets the failure decision.
 *
 * @example
 * perMessage(() => {
 *   let received = 0;
 *   return compose(
 *     observe('header', ({ name }) => void (received += name.toLowerCase() === 'received' ? 1 : 0)),
 *     on('eom', () => (received > 50 ? reject('Mail loop') : undefined)),
 *   );
 * })
 */
export function perMessage(factory: () => OperatorFunction<Flow, Flow>): Filter {
  return makeFilter([
    scopedStep('perMessage()', factory, {
      begins: BIT.mail,
      outside: BIT.connect | BIT.helo | BIT.unknown,
      ends: BIT.eom | BIT.abort | BIT.close,
      message: true,
    }),
  ]);
}
