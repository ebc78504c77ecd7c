import type { OperatorFunction } from 'rxjs';

import type { Flow } from '../session/flow.js';
import { BIT } from '../session/stage.js';
import { makeFilter, type Filter } from './core/filter.js';
import { scopedStep } from './core/scoped-step.js';

/**
 * Gives each SMTP connection a filter of its own, with state of its own.
 *
 * @remarks
 * It is made at the first event that it wants and dies after `close`; what runs in it is then cancelled. The factory is
 * also called once beforehand, only to learn which stages the filter wants: it should do nothing but make it. Where it
 * throws, that event gets the failure decision.
 *
 * @example
 * perConnection(() => {
 *   let refused = 0;
 *   return on('rcpt', (rcpt) => (refused > 10 ? tempfail('Slow down') : known(rcpt) ? undefined : (refused++, reject())));
 * })
 */
export function perConnection(factory: () => OperatorFunction<Flow, Flow>): Filter {
  return makeFilter([
    scopedStep('perConnection()', factory, { begins: 0, outside: 0, ends: BIT.close, message: false }),
  ]);
}
