import type { OperatorFunction } from 'rxjs';

import { ignoreRejection, isPromise } from '../common/promises.js';
import type { Flow, Reply, StageEvent } from '../session/flow.js';
import { tagsFor, uniteTags } from '../session/negotiation/tags.js';
import { BIT, bitOf } from '../session/stage.js';
import { turnOf } from '../session/turn.js';
import { EnclosingStep } from './core/chain.js';
import { eventOf } from './core/derived-turn.js';
import { failedEvent } from './core/failed-event.js';
import { type Filter, interestOf, makeFilter, stepsOf, tagsOf } from './core/filter.js';
import type { Downstream, Step, Upstream } from './core/step.js';

/**
 * Routes messages: those for which `predicate` says yes go through `filter`.
 *
 * @remarks
 * Others go through `otherwise`, or past both. `predicate` is asked once a message, at `mail` (or the next event, where
 * an earlier filter has decided that one), and for each event that belongs to no message. It has to answer at once: what
 * it throws, and a promise, costs that event the failure decision. Both filters live as long as the connection.
 *
 * @example
 * const isOutbound = ({ session }) => session.auth !== undefined;
 * when(isOutbound, remote('inet:8891@127.0.0.1'), on('rcpt', checkRecipient))
 */
export function when(
  predicate: (event: StageEvent) => boolean,
  filter: OperatorFunction<Flow, Flow>,
  otherwise?: OperatorFunction<Flow, Flow>,
): Filter {
  if (typeof predicate !== 'function') {
    throw new TypeError(
      'when(): the first argument has to be a function that says true or false of an event.',
    );
  }
  const ways = [
    stepsOf(filter, 'when(): the second argument'),
    otherwise === undefined ? [] : stepsOf(otherwise, 'when(): the third argument'),
  ];
  const all = ways.flat();
  // Replies, too: a message begins also where an earlier filter has decided its first event.
  const own = BIT.mail | BIT.reply | BIT.abort | BIT.close;
  return makeFilter([
    {
      tags: uniteTags([tagsOf(all), tagsFor(0, BIT.mail)]),
      interest: own | interestOf(all),
      open: (down) => new WhenRun(predicate, ways, down),
    },
  ]);
}

/** The events that belong to no message. */
const OUTSIDE = BIT.connect | BIT.helo;

/** One of the two filters, running. */
interface Way {
  readonly readsBody: boolean;
  readonly chain: Upstream;
}

class WhenRun extends EnclosingStep {
  readonly #predicate: (event: StageEvent) => boolean;
  readonly #ways: readonly Way[];
  /** Whether a filter on one of the ways reads the body. */
  readonly #readsBody: boolean;
  /** Where the message in progress goes, once that is known. */
  #chosen: Way | undefined;

  constructor(
    predicate: (event: StageEvent) => boolean,
    ways: readonly (readonly Step[])[],
    down: Downstream,
  ) {
    super(down);
    this.#predicate = predicate;
    // Both ways see the close; it travels on once.
    const out = (flow: Flow): void => {
      if (flow.stage !== 'close') this.down.next(flow);
    };
    this.#ways = ways.map((steps) => ({
      readsBody: tagsOf(steps).readers > 0,
      chain: this.enclose(steps, out),
    }));
    this.#readsBody = this.#ways.some(({ readsBody }) => readsBody);
  }

  override next(flow: Flow): void {
    if (flow.stage === 'close') {
      this.#chosen = undefined;
      for (const { chain } of this.#ways) chain.next(flow);
      this.down.next(flow);
    } else if (flow.stage === 'abort') {
      const chosen = this.#chosen;
      this.#chosen = undefined;
      (chosen?.chain ?? this.down).next(flow);
    } else {
      this.#route(flow, eventOf(flow));
    }
  }

  #route(flow: StageEvent | Reply, event: StageEvent): void {
    if (event.stage === 'mail') this.#chosen = undefined;
    const alone =
      (bitOf(event.stage) & OUTSIDE) !== 0 || (event.stage === 'unknown' && this.#chosen === undefined);
    let way = alone ? undefined : this.#chosen;
    if (way === undefined && flow.stage !== 'reply') {
      try {
        way = this.#ask(flow);
      } catch (error) {
        this.down.next(failedEvent(flow, error));
        return;
      }
      if (!alone) this.#choose(way, flow);
    }
    if (event.stage === 'body' && way?.readsBody !== true && this.#readsBody) turnOf(event)?.releaseBody();
    (way?.chain ?? this.down).next(flow);
  }

  #ask(event: StageEvent): Way | undefined {
    const answer: unknown = this.#predicate(event);
    if (isPromise(answer)) {
      ignoreRejection(answer);
      throw new TypeError(
        'when(): the predicate returned a promise; it has to say true or false at once. Use on() for what takes time.',
      );
    }
    return this.#ways[answer ? 0 : 1];
  }

  #choose(way: Way | undefined, event: StageEvent): void {
    this.#chosen = way;
    turnOf(event)?.message?.onEnd(() => {
      // The abort, where the message ends with one, has come before.
      this.#chosen = undefined;
    });
  }
}
