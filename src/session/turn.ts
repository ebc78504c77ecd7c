import { warn } from '../common/write-error.js';
import type { BodyStoreOptions } from '../spool/body-store.js';
import type { Site } from './answer-watch.js';
import type { Decision } from './decisions.js';
import { ProjectError } from './errors.js';
import type { Modification } from './modifications.js';
import type { Failure } from './options.js';
import type { FlowStage } from './stage.js';

/** An event carries its turn under this symbol, which survives object spread: a changed copy still belongs to it. */
export const TURN: unique symbol = Symbol('rxmilter.turn');

const LENT: unique symbol = Symbol('rxmilter.lent');

/** An event whose chunk has other bytes after it: who keeps them has to copy them. */
export function lentEvent<E extends object>(event: E): E {
  return { ...event, [LENT]: true };
}

export function isLent(event: object): boolean {
  return LENT in event;
}

export interface TurnOwner {
  /** What an event gets whose filter failed. */
  readonly failure: Failure;
  /** Makes known what went wrong and cost no answer. */
  report(stage: FlowStage, error: Error): void;
}

/** `reply`: the MTA waits. `silent`: it does not. `partial`: it will, once the rest of the body frame is here. */
export type TurnMode = 'reply' | 'silent' | 'partial';

/** Something that ends, and tells those who asked. */
export class Scope {
  #ended = false;
  #listeners: Set<() => void> | undefined;

  get ended(): boolean {
    return this.#ended;
  }

  /** Calls `listener` at the end, at once where that is past; the returned function takes that back. */
  onEnd(listener: () => void): () => void {
    if (this.#ended) {
      listener();
      return () => undefined;
    }
    const listeners = (this.#listeners ??= new Set());
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    const listeners = this.#listeners;
    if (listeners === undefined) return;
    this.#listeners = undefined;
    for (const listener of listeners) {
      try {
        listener();
      } catch (error) {
        // The other listeners are still called.
        this.failed(error);
      }
    }
  }

  protected failed(error: unknown): void {
    warn(error);
  }
}

/** The time of a message. */
export class MessageScope extends Scope {
  /** How often the MTA has waited for an answer in it; known at its end. */
  rounds = 0;
  /** The connection is over in the middle of it. */
  lost = false;
  /** Each modification with the operator that has given it; a list, of which a map is made only if need be. */
  #given: { readonly modification: Modification; readonly site: Site }[] | undefined;
  #givers: Map<Modification, Site> | undefined;

  /** Notes which operator has given a modification: its fault may be found only when it is written. */
  givenBy(site: Site, modification: Modification): void {
    (this.#given ??= []).push({ modification, site });
    this.#givers = undefined;
  }

  /** The operator that has given it first, as far as is known: it may have come through others. */
  giverOf(modification: Modification | undefined): Site | undefined {
    if (this.#given === undefined || modification === undefined) return undefined;
    if (this.#givers === undefined) {
      this.#givers = new Map();
      for (const one of this.#given)
        if (!this.#givers.has(one.modification)) this.#givers.set(one.modification, one.site);
    }
    return this.#givers.get(modification);
  }
}

/** One event's time with the filter. Its end (answer, abort, lost connection, deadline) cancels what runs for it. */
export class Turn extends Scope {
  readonly owner: TurnOwner;
  readonly stage: FlowStage;
  readonly mode: TurnMode;
  readonly message: MessageScope | undefined;
  /** `performance.now()` at its beginning, where outcomes are asked for, else 0. */
  readonly since: number;
  /** The MTA has decided by itself, and gets "continue" whatever the filter decides. */
  overruled = false;
  decision: Decision | undefined;
  modifications: readonly Modification[] | undefined;
  /** Those that were left out for want of a right. */
  skipped: readonly Modification[] | undefined;
  /** Why a filter failed at it. */
  error: Error | undefined;
  /** How a new body of the message is kept until it is written, where a filter says so. */
  store: BodyStoreOptions | undefined;
  bodyReleased = false;
  #pauses: { count: number; resumed: (() => void) | undefined } | undefined;

  constructor(
    owner: TurnOwner,
    stage: FlowStage,
    mode: TurnMode,
    message: MessageScope | undefined,
    since: number,
  ) {
    super();
    this.owner = owner;
    this.stage = stage;
    this.mode = mode;
    this.message = message;
    this.since = since;
  }

  protected override failed(error: unknown): void {
    this.owner.report(this.stage, new ProjectError(this.stage, error));
  }

  /** At a piece of the body: the filter that reads it wants no more of it. */
  releaseBody(): void {
    this.bodyReleased = true;
  }

  /** Whether a filter has to be waited for although the MTA does not wait. */
  get paused(): boolean {
    return this.#pauses !== undefined && this.#pauses.count > 0;
  }

  /** At a silent stage: nothing that comes later is handled before the returned function is called. */
  pause(): () => void {
    const pauses = (this.#pauses ??= { count: 0, resumed: undefined });
    let paused = true;
    pauses.count++;
    return () => {
      if (!paused) return;
      paused = false;
      if (--pauses.count === 0) pauses.resumed?.();
    };
  }

  onResume(listener: () => void): void {
    if (this.#pauses !== undefined) this.#pauses.resumed = listener;
  }
}

export interface Turned {
  readonly [TURN]: Turn;
}

/** The turn of an event; `undefined` for an event that no connection made, as in a drawing. */
export function turnOf(event: object): Turn | undefined {
  return (event as Partial<Turned>)[TURN];
}
