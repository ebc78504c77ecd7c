import { type Observable, type OperatorFunction, isObservable } from 'rxjs';

import { checkOptions } from '../common/options.js';
import { onRejection } from '../common/promises.js';
import { isA } from '../common/text-of.js';
import { writeError } from '../common/write-error.js';
import { type Steps, attach } from '../operators/core/chain.js';
import { stepsOf, tagsOf } from '../operators/core/filter.js';
import type { Step } from '../operators/core/step.js';
import { complaint, plainComplaint } from '../session/complaint.js';
import type { ConnectionOwner } from '../session/connection/boundary.js';
import { UngrantedError } from '../session/errors.js';
import type { Flow } from '../session/flow.js';
import { resolveOptions } from '../session/options.js';
import type { MessageOutcome, Outcome } from '../session/outcome.js';
import { Acceptor } from './acceptor.js';
import { Newest } from './newest.js';
import {
  CLOSE_RULES,
  type CloseOptions,
  DRAIN_TIMEOUT,
  type MilterServer,
  SERVE_RULES,
  type ServeOptions,
} from './options.js';
import { OutcomeStream } from './outcome-stream.js';
import { watchMessages } from './watch-messages.js';
import { whereToListen } from './where-to-listen.js';

/**
 * Serves a filter to MTAs.
 *
 * @remarks
 * With an Observable of filters the newest one serves each new connection, and running ones finish with theirs; the
 * server listens once the first is there. Where that Observable errors the last filter stays.
 *
 * @throws EndpointError, ListenError, TypeError or RangeError (rejects) with the problem and what to do about it
 * @example
 * const server = await serve(on('rcpt', () => reject('No such mailbox')), { listen: 'inet:8891@127.0.0.1' });
 * process.once('SIGTERM', () => void server.close());
 */
export async function serve(
  filter: OperatorFunction<Flow, Flow> | Observable<OperatorFunction<Flow, Flow>>,
  options: ServeOptions,
): Promise<MilterServer> {
  checkOptions('serve()', options, SERVE_RULES);
  const { drainTimeout = DRAIN_TIMEOUT } = options;
  const where = whereToListen(options.listen, options);
  const resolved = resolveOptions(options);
  const onError: (error: Error, outcome: Outcome) => unknown = options.onError ?? writeComplaint;
  const tell = (error: Error, outcome: Outcome): void => {
    const failed = (thrown: unknown): void =>
      writeError(`rxmilter: onError failed: ${plainComplaint(thrown)}`);
    try {
      // An async function is a function that returns nothing, too.
      onRejection(onError(error, outcome), failed);
    } catch (thrown) {
      failed(thrown);
    }
  };
  const failed = (error: Error, at: Outcome | undefined): void => {
    if (at === undefined) writeError(`rxmilter: ${plainComplaint(error)}`);
    else tell(error, { ...at, error });
  };
  const outcomes = new OutcomeStream<Outcome>('outcomes', failed);
  const messages = new OutcomeStream<MessageOutcome>('messages', (error, at) => {
    failed(error, at && { ...NOTHING, session: at.session });
  });
  const owner: ConnectionOwner = {
    watched: () => outcomes.observed,
    outcome: (outcome) => {
      const { error } = outcome;
      if (error !== undefined && !(isA(error, UngrantedError) && error.repeated)) tell(error, outcome);
      if (outcomes.observed) outcomes.next(outcome);
    },
    ended: () => undefined,
  };
  const acceptor = new Acceptor(where, options, resolved, (connect) => {
    const filters = messages.observed ? source.watched : source.current;
    if (filters !== undefined) attach(connect(owner), filters);
  });
  const source = new FilterSource(
    filter,
    watchMessages((message) => messages.next(message)),
    (error) =>
      writeError(
        `rxmilter: the Observable of filters failed, the last filter stays: ${plainComplaint(error)}`,
      ),
  );
  try {
    await source.newest.ready;
    await acceptor.start();
    const close = async (how: CloseOptions = {}): Promise<void> => {
      // `process.once('SIGTERM', server.close)` hands it the name of the signal.
      if (typeof (how as unknown) !== 'string') checkOptions('close()', how, CLOSE_RULES);
      await acceptor.drain(drainTimeout, how.grace);
      source.newest.close();
      outcomes.complete();
      messages.complete();
    };
    return {
      address: acceptor.address,
      outcomes: outcomes.observable,
      messages: messages.observable,
      close,
      destroy: () => {
        acceptor.destroy();
        void close();
      },
      [Symbol.asyncDispose]: () => close(),
    };
  } catch (error) {
    source.newest.close();
    throw error;
  }
}

const NOTHING = {
  stage: 'close',
  decision: undefined,
  modifications: [],
  skipped: [],
  elapsed: 0,
  rounds: 0,
  bytes: 0,
  error: undefined,
} as const;

/** What `onError` is by default. Not a warning of the process: `--no-warnings` would hide that mail is deferred. */
function writeComplaint(error: Error, outcome: Outcome): void {
  writeError(`rxmilter: ${complaint(error, outcome)}`);
}

/** The newest filter. */
class FilterSource {
  current: Steps | undefined;
  /** The same, with its messages watched. */
  watched: Steps | undefined;
  readonly newest: Newest<OperatorFunction<Flow, Flow>>;
  /** Said once for each server. */
  #hinted = false;

  constructor(
    filter: OperatorFunction<Flow, Flow> | Observable<OperatorFunction<Flow, Flow>>,
    watch: Step,
    failed: (error: unknown) => void,
  ) {
    const which = isObservable(filter)
      ? 'serve(): a value of the Observable of filters'
      : 'serve(): the first argument';
    this.newest = new Newest(filter, {
      take: (value) => this.#set(value, which, watch),
      failed,
      none: 'serve(): the Observable completed without a filter.',
    });
  }

  #set(filter: OperatorFunction<Flow, Flow>, which: string, watch: Step): void {
    const steps = stepsOf(filter, which);
    const tags = tagsOf(steps);
    this.current = { steps, tags };
    const all = [watch, ...steps];
    this.watched = { steps: all, tags: tagsOf(all) };
    if (tags.readers !== Infinity || this.#hinted) return;
    this.#hinted = true;
    process.emitWarning(
      `${which} has an operator of your own in it, which may want anything: the mail server waits for an answer at every ` +
        'event, some 30 round trips a message in place of 4. Put observe() in the place of tap(), and on() or ' +
        'onMessage() in that of map(): they say which events they need.',
      { type: 'MilterWarning' },
    );
  }
}
