import { ignoreRejection } from '../common/promises.js';
import { textOf } from '../common/text-of.js';
import { compose } from '../operators/compose.js';
import type { Filter } from '../operators/core/filter.js';
import { observe } from '../operators/observe.js';
import { on } from '../operators/on.js';
import { perMessage } from '../operators/per-message.js';
import type { Decision } from '../session/decisions.js';
import type { StageEvent } from '../session/flow.js';
import type { Stage } from '../session/stage.js';
import { Outage } from './outage.js';
import { isRemembered, rateKeyOf, subjectKey, type Remembered } from './rate-key.js';
import { resolveRateLimit, type RateLimitOptions } from './rate-limit-options.js';

/**
 * Lets so many through in a window of time, and puts off what is more, whichever connections it comes by.
 *
 * What is put off is not counted, so that a sender that tries again and again gets its share all the same. What a later
 * filter refuses was counted. Recipients that the MTA has rejected already are not.
 *
 * While the counters cannot be asked, `away` says what becomes of mail, and the error is reported once and not for each
 * mail. A client that goes away while they are asked was counted.
 *
 * @throws RangeError where a number is out of range
 * @throws TypeError where the key does not go with the stage, or another option is not what it should be
 * @throws AnswerError where the decision is not legal at the stage
 * @example rateLimit({ key: 'client', limit: 100, window: 3_600_000 })
 * @example rateLimit({ key: 'user', stage: 'rcpt', limit: 500, window: 86_400_000, counters: redisCounters(client) })
 */
export function rateLimit<const S extends Stage = 'mail'>(options: RateLimitOptions<S>): Filter;
export function rateLimit(options: RateLimitOptions<Stage>): Filter {
  const { stage, counters, decision, network, name } = resolveRateLimit(options);
  const { key, limit, window } = options;
  const outage = new Outage(options);

  const ask = (event: StageEvent, of: string | undefined): ReturnType<typeof outage.ask<Decision>> => {
    if (of === undefined || (event.stage === 'rcpt' && event.rejected !== undefined)) return undefined;
    if (typeof of !== 'string') {
      ignoreRejection(of);
      throw new TypeError(`rateLimit(): key gave ${textOf(of)}. Give a string, or undefined.`);
    }
    return outage.ask(
      event,
      // As JSON, since what a stranger writes may look like a part of a name.
      () => counters.hit(JSON.stringify([name, of]), window, limit),
      (count) => (count > limit ? decision : undefined),
    );
  };

  if (typeof key === 'function') return decide(stage, (event) => ask(event, key(event)));
  if (!isRemembered(key, stage)) return decide(stage, (event) => ask(event, rateKeyOf(key, event, network)));
  return perMessage(() => {
    const remembered: Remembered = {};
    return compose(
      key === 'sender'
        ? observe('mail', ({ address }) => void (remembered.sender = address))
        : observe('header', (header) => {
            const subject = header.name.toLowerCase() === 'subject' ? subjectKey(header) : undefined;
            if (subject !== undefined) remembered.subject ??= subject;
          }),
      decide(stage, (event) => ask(event, rateKeyOf(key, event, network, remembered))),
    );
  });
}

/** That the decision is legal at the stage was seen when the filter was made. */
function decide(stage: Stage, project: (event: StageEvent) => unknown): Filter {
  return on(stage, project as Parameters<typeof on<Stage>>[1]);
}
