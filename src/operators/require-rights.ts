import type { OperatorFunction } from 'rxjs';

import type { Flow } from '../session/flow.js';
import { tagsFor } from '../session/negotiation/tags.js';
import { rightSet } from '../session/options.js';
import type { Right } from '../transport/wire/flags.js';
import { makeFilter, stepsOf, type Filter } from './core/filter.js';
import { RunningStep, type Step } from './core/step.js';

/**
 * Declares the rights that a filter cannot do without.
 *
 * @remarks
 * An MTA that does not offer them is refused when it connects, with an error that names them.
 *
 * @throws TypeError where one is not the name of a right
 * @example requireRights(['CHGBODY', 'CHGHDRS'], on('eom', disclaimer))
 */
export function requireRights(rights: readonly Right[], filter: OperatorFunction<Flow, Flow>): Filter {
  const declaration: Step = {
    tags: tagsFor(0, 0, rightSet('requireRights()', rights)),
    interest: 0,
    open: (down) => new RunningStep(down),
  };
  return makeFilter([declaration, ...stepsOf(filter, 'requireRights(): the second argument')]);
}
