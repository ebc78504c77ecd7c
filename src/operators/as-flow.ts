import { textOf } from '../common/text-of.js';
import type { Flow } from '../session/flow.js';
import { BIT } from '../session/stage.js';

/**
 * Lets through what may flow, and throws for what an operator has made of it otherwise: the types rule that out, but
 * plain JavaScript easily forgets the `: flow` of a condition.
 *
 * @throws TypeError that says what is wrong and what to do
 */
export function asFlow(value: Flow): Flow {
  if (isFlow(value) && (value.stage !== 'reply' || isFlow(value.to))) return value;
  const what = typeof value === 'object' ? 'an object without a stage' : textOf(value);
  throw new TypeError(
    `An operator of the pipeline emitted ${what} instead of an event or a reply. ` +
      'What it leaves undecided it has to emit as it came.',
  );
}

function isFlow(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    'stage' in value &&
    typeof value.stage === 'string' &&
    Object.hasOwn(BIT, value.stage)
  );
}
