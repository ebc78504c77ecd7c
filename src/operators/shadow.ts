import type { Observer, OperatorFunction } from 'rxjs';

import { checkOptions, milliseconds, number, or, type Rules } from '../common/options.js';
import type { Flow } from '../session/flow.js';
import { BIT } from '../session/stage.js';
import { makeFilter, stepsOf, tagsOf, type Filter } from './core/filter.js';
import type { Difference } from './shadow/compare.js';
import { ShadowRun } from './shadow/run.js';

/** The limits of a filter in the shadow. */
export interface ShadowOptions {
  /** Bytes of events that may be kept for it, for each connection, roughly. Default 4 194 304. */
  readonly maxBytes?: number | undefined;
  /** Milliseconds that it may go on after its connection is over. Default 10 000; 0 for not at all. */
  readonly linger?: number | undefined;
}

/** Gets the differences: a function, or an observer such as a `Subject`, of which only `next` is called. */
export type DifferenceReport = ((difference: Difference) => unknown) | Pick<Observer<Difference>, 'next'>;

const RULES: Rules<ShadowOptions> = {
  maxBytes: or(number(0, Infinity, 'bytes'), Infinity),
  linger: milliseconds(0),
};

/**
 * Runs a filter beside the mail, and reports where it would have decided otherwise.
 *
 * @remarks
 * The filter sees the events as at this place of the pipeline, and decides nothing. `report` gets each difference between
 * what it would have answered and what the MTA was answered: the decision with the words of a refusal, and at `eom` the
 * modifications in their order. An error in the filter is a difference, and no error of the pipeline.
 *
 * The MTA does not wait for it: it costs no round trip. Where it is slow its events are kept, up to `maxBytes`; beyond that
 * it is given up for the message, which is a difference with an `UnansweredError`. Rights are not asked for on its behalf,
 * and `sessionData` of its session is its own. An abort cancels what runs for it; at the end of the connection it may
 * finish within `linger`. An error that `report` throws is reported; a subscriber of a `Subject` that throws ends the
 * process, as RxJS has it. A slow `report` slows down the mail.
 *
 * @throws TypeError or RangeError where an argument is wrong
 * @example
 * const differences = new Subject<Difference>();
 * const filter = compose(shadow(newRules, differences), oldRules);
 * differences.subscribe(({ event, would, did }) => log.info({ stage: event.stage, would, did }));
 */
export function shadow(
  filter: OperatorFunction<Flow, Flow>,
  report: DifferenceReport,
  options: ShadowOptions = {},
): Filter {
  checkOptions('shadow()', options, RULES);
  const steps = stepsOf(filter, 'shadow(): the first argument');
  const tags = tagsOf(steps);
  const callback = reporterOf(report);
  const { maxBytes = 4_194_304, linger = 10_000 } = options;
  const interest = steps.reduce((set, step) => set | step.interest, 0);
  return makeFilter([
    {
      tags: {
        decides: 0,
        observes: tags.decides | tags.observes,
        wishes: [],
        // As a whole it is one: it has enough of the body when all that read it in it have.
        readers: tags.readers > 0 ? 1 : 0,
      },
      // Where messages begin and end matters also to a filter that does not look.
      interest: interest | BIT.mail | BIT.eom | BIT.abort | BIT.close,
      open: (down) => new ShadowRun({ steps, tags, interest, report: callback, maxBytes, linger }, down),
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
