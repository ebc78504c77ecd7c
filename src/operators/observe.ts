import { isPromise } from '../common/promises.js';
import { AnswerError } from '../session/errors.js';
import { tellFailure } from '../session/failures.js';
import type { EventAt, Flow, MilterEvent } from '../session/flow.js';
import { tagsFor } from '../session/negotiation/tags.js';
import { ALL_STAGES, BIT, stageSet } from '../session/stage.js';
import { makeFilter, type Filter } from './core/filter.js';
import { type Downstream, RunningStep } from './core/step.js';

/** What `see` may return: anything but an answer, which would be dropped, and what would have to be run. */
export type Seen = NotAnAnswer | PromiseLike<NotAnAnswer>;

type NotAnAnswer = void | null | undefined | boolean | number | bigint | string | symbol | OtherObject;
type OtherObject = object & Partial<Record<'kind' | 'then' | 'subscribe' | 'next', never>>;

/**
 * Looks at events that no earlier filter has decided, `abort` and `close` included.
 *
 * @remarks
 * The MTA does not wait for it: looking costs no round trip. What `see` throws or rejects with is reported, and the
 * event travels on.
 *
 * @example observe(['mail', 'rcpt'], (event) => log.info({ session: event.session.id, address: event.address }))
 */
export function observe<const S extends MilterEvent['stage']>(
  stages: S | readonly S[],
  see: (event: EventAt<NoInfer<S>>) => Seen,
): Filter {
  const interest = stageSet(stages, ALL_STAGES | BIT.abort | BIT.close);
  if (typeof see !== 'function') throw new TypeError('observe(): the second argument has to be a function.');
  return makeFilter([
    {
      tags: tagsFor(0, interest),
      interest,
      open: (down) => new ObserveRun(see as (event: MilterEvent) => unknown, down),
    },
  ]);
}

class ObserveRun extends RunningStep {
  readonly #see: (event: MilterEvent) => unknown;

  constructor(see: (event: MilterEvent) => unknown, down: Downstream) {
    super(down);
    this.#see = see;
  }

  override next(flow: Flow): void {
    const event = flow as MilterEvent;
    try {
      const result = this.#see(event);
      if (typeof result === 'object' && result !== null) lookAt(event, result);
    } catch (error) {
      tellFailure(event, error);
    }
    this.down.next(flow);
  }
}

/** An async function is a function that returns nothing, too; its failure must not end the process. */
function lookAt(event: MilterEvent, result: object): void {
  if (isPromise(result)) {
    result.then(
      (value) => {
        if (typeof value === 'object' && value !== null) lookAt(event, value);
      },
      (error: unknown) => {
        tellFailure(event, error);
      },
    );
  } else if (isAnswer(result)) {
    tellFailure(
      event,
      new AnswerError('observe() only looks: what its function returns is dropped. Use on() to answer.'),
    );
  }
}

function isAnswer(result: object): boolean {
  try {
    return 'kind' in result || 'subscribe' in result || 'next' in result;
  } catch {
    // A proxy that does not let itself be looked at: no answer of ours.
    return false;
  }
}
