import type { OperatorFunction } from 'rxjs';

import type { Flow } from '../session/flow.js';
import { tagsFor, type Wish } from '../session/negotiation/tags.js';
import { rightSet } from '../session/options.js';
import type { Right } from '../transport/wire/flags.js';
import { makeFilter, stepsOf, type Filter } from './core/filter.js';
import { RunningStep, type Step } from './core/step.js';

/**
 * Declares the rights that a filter cannot do without.
 *
 * @remarks
 * The connections of a mail server that does not grant them are refused for now (451 4.3.5), whatever the option
 * `ungranted` says, and an `UngrantedError` names them once.
 *
 * @throws TypeError where one is not the name of a right
 * @example requireRights(['CHGBODY', 'CHGHDRS'], on('eom', disclaimer))
 */
export function requireRights(rights: readonly Right[], filter: OperatorFunction<Flow, Flow>): Filter {
  const wish: Wish = {
    rights: rightSet('requireRights()', rights),
    by: 'requireRights()',
    site: new Error(),
    required: true,
  };
  const declaration: Step = {
    tags: tagsFor(0, 0, [wish]),
    interest: 0,
    open: (down) => new RunningStep(down),
  };
  return makeFilter([declaration, ...stepsOf(filter, 'requireRights(): the second argument')]);
}
