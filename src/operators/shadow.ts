import type { Observer, OperatorFunction } from 'rxjs';

import { checkOptions, milliseconds, number, or, type Rules } from '../common/options.js';
import type { Flow } from '../session/flow.js';
import { BIT } from '../session/stage.js';
import { makeFilter, stepsOf, tagsOf, type Filter } from './core/filter.js';
import type { Difference } from './shadow/compare.js';
import { ShadowRun } from './shadow/run.js';

/** What bounds a filter in the shadow. */
export interface ShadowOptions {
  /**
   * How many bytes of events that it has not seen yet may be kept for each connection, roughly; beyond them it is given
   * up for the message. Default 4 194 304.
   */
  readonly maxBytes?: number | undefined;
  /** How many milliseconds it may go on after its connection is over. Default 10 000; 0 for not at all. */
  readonly linger?: number | undefined;
}

/** Who gets the differences: a function, or an observer such as a `Subject`, of which only `next` is called. */
export type DifferenceReport = ((difference: Difference) => unknown) | Pick<Observer<Difference>, 'next'>;

const RULES: Rules<ShadowOptions> = {
  maxBytes: or(number(0, Infinity, 'bytes'), Infinity),
  linger: milliseconds(0),
};

/**
 * Runs a filter beside the mail, and reports where it would have decided otherwise.
 *
 * @remarks
 * It sees all that it would see here and decides nothing; `report` gets each difference between what the MTA would have
 * been told and what it was told.
 *
 * What it decides is compared at the stages that it decides, once both sides have answered: the decision with the words
 * of a refusal, and at `eom` the modifications in their order. An error in it is a difference too, and no error of the
 * pipeline. The MTA does not wait for it: it costs no round trip, and where it is slow its events are kept for it, up to
 * `maxBytes`; beyond that it is given up for that message, which is told as a difference with an `UnansweredError`. After
 * it has decided about a whole message it sees no more of that one. Rights are not asked for on its behalf, and
 * `privateData` of its session is its own.
 *
 * When a message is aborted, what runs for it here is cancelled as well. When the connection ends it may finish what it
 * has, for `linger` milliseconds. What `report` throws is reported, and costs nothing else (what a
 * subscriber of a `Subject` throws, RxJS throws in a timer, which ends the process); a slow `report` slows down
 * the mail, and so does a filter that computes without a pause.
 *
 * @throws TypeError or RangeError for an argument that cannot be
 * @example
 * const differences = new Subject<Difference>();
 * const filter = compose(shadow(newRules, differences), oldRules);
 * differences.subscribe(({ session, event, would, did }) =>
 *   log.info({ client: session.client.address, stage: event.stage, would: would.decision?.kind, did: did.decision?.kind }),
 * );
 */
export function shadow(
  filter: OperatorFunction<Flow, Flow>,
  report: DifferenceReport,
  options: ShadowOptions = {},
): Filter {
  checkOptions('shadow()', options, RULES);
  const steps = stepsOf(filter, 'shadow(): the first argument');
  const tags = tagsOf(steps);
  const tell = reporterOf(report);
  const { maxBytes = 4_194_304, linger = 10_000 } = options;
  const interest = steps.reduce((set, step) => set | step.interest, 0);
  return makeFilter([
    {
      tags: {
        decides: 0,
        observes: tags.decides | tags.observes,
        requires: 0,
        // As a whole it is one: it has enough of the body when all that read it in it have.
        readers: tags.readers > 0 ? 1 : 0,
      },
      // Where messages begin and end matters also to a filter that does not look.
      interest: interest | BIT.mail | BIT.eom | BIT.abort | BIT.close,
      open: (down) => new ShadowRun({ steps, tags, interest, tell, maxBytes, linger }, down),
    },
  ]);
}

function reporterOf(report: unknown): (difference: Difference) => unknown {
  if (typeof report === 'function')
    return (difference) => (report as (one: Difference) => unknown)(difference);
  const { next } = (report ?? {}) as { readonly next?: unknown };
  if (typeof next !== 'function') {
    throw new TypeError(
      'shadow(): the second argument has to be a function of a difference, or an observer such as a Subject.',
    );
  }
  return (difference) => (report as Pick<Observer<Difference>, 'next'>).next(difference);
}
