import { Observable } from 'rxjs';

import { warn } from '../../common/write-error.js';
import { guardObservable } from '../../rx/guard-observable.js';
import type { Connection } from '../../session/connection/connection.js';
import type { MilterEvent } from '../../session/flow.js';
import { EVERYTHING, type Tags } from '../../session/negotiation/tags.js';
import type { Outcome } from '../../session/outcome.js';
import type { SessionInfo } from '../../session/session-info.js';
import { FlowObservable } from './filter.js';

/**
 * The connection of one MTA, to be piped through filters into its `sink`.
 *
 * @see listen, which emits it
 */
export interface Session {
  /** The events of the connection; to be subscribed to once, and only into `sink(session)`. */
  readonly events: Observable<MilterEvent>;
  /** Unique within the process. */
  readonly id: string;
  /** What is known of the connection; a live view. */
  readonly info: SessionInfo;
}

/** A session as its server and its sink have it. */
export class ConnectedSession implements Session {
  readonly events: Observable<MilterEvent>;
  readonly connection: Connection;
  #tags: Tags | undefined;
  #subscribed = false;
  #outcomes: ((outcome: Outcome) => void) | undefined;
  #over: (() => void) | undefined;
  #ended = false;

  constructor(connection: Connection) {
    this.connection = connection;
    const events = new Observable<MilterEvent>((subscriber) => {
      if (this.#subscribed) {
        throw new Error(
          'session.events was subscribed to a second time. A connection has one pipeline: share() what has several readers.',
        );
      }
      if (this.#tags === undefined) {
        throw new Error(
          'session.events was subscribed to without its sink, so that the MTA would get no answer. ' +
            'End the pipeline with sink(session) and subscribe to that.',
        );
      }
      this.#subscribed = true;
      connection.attach(subscriber, this.#tags);
    });
    // A pipeline of filters is found again by its sink.
    this.events = guardObservable(events, { failed: warn }, (piped) => piped instanceof FlowObservable);
  }

  get id(): string {
    return this.connection.info.id;
  }

  get info(): SessionInfo {
    return this.connection.info;
  }

  /** Whether the outcomes are wanted. */
  get watched(): boolean {
    return this.#outcomes !== undefined;
  }

  /** The sink takes the session, once: from now on its events may be subscribed to. */
  claim(outcomes: (outcome: Outcome) => void, over: () => void, tags: Tags = EVERYTHING): void {
    if (this.#tags !== undefined) {
      throw new Error(
        'sink(session) was subscribed to a second time. A connection has one pipeline and one sink.',
      );
    }
    this.#tags = tags;
    this.#outcomes = outcomes;
    this.#over = over;
    if (this.#ended) over();
  }

  /** Its sink subscribes to the events by itself. */
  attached(): void {
    this.#subscribed = true;
  }

  outcome(outcome: Outcome): void {
    this.#outcomes?.(outcome);
  }

  ended(): void {
    this.#ended = true;
    this.#over?.();
  }
}
