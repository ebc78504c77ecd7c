import { warn } from '../common/warn.js';
import type { BodyStoreOptions } from '../spool/body-store.js';
import type { Decision } from './decision.js';
import type { Modification } from './modification.js';
import type { Failure } from './options.js';
import { ProjectError } from './project-error.js';
import type { FlowStage } from './stage.js';

/** Under this symbol an event carries its turn; it survives object spread, so a changed copy still belongs to it. */
export const TURN: unique symbol = Symbol('rxmilter.turn');

/** What a turn knows of its connection. */
export interface TurnOwner {
  /** What an event gets whose filter failed. */
  readonly failure: Failure;
  /** Makes known what went wrong and cost no answer. */
  report(stage: FlowStage, error: Error): void;
}

/** `reply`: the MTA waits. `silent`: it does not. `part`: it will, once the rest of the body frame is here. */
export type TurnMode = 'reply' | 'silent' | 'part';

/** Something that ends, and tells those who asked. */
export class Scope {
  #ended = false;
  #listeners: Set<() => void> | undefined;

  get ended(): boolean {
    return this.#ended;
  }

  /** Calls `listener` at the end, at once where that is past. Returns how to take that back. */
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
        // The others have to hear of it all the same, and whoever ends it has more to do.
        this.failed(error);
      }
    }
  }

  /** A listener has thrown. */
  protected failed(error: unknown): void {
    warn(error);
  }
}

/**
 * One event's time with the filter: from its emission to its answer, or to whatever makes an answer too late (abort,
 * lost connection, deadline). Its end cancels what still runs for it.
 */
export class Turn extends Scope {
  readonly owner: TurnOwner;
  readonly stage: FlowStage;
  readonly mode: TurnMode;
  /** The message that the event belongs to, where it belongs to one. */
  readonly message: Scope | undefined;
  /** `performance.now()` at its beginning, where somebody wants to know. */
  readonly since: number;
  /** The MTA has decided by itself, and is told to go on whatever the filter decides. */
  moot = false;
  /** What the MTA was told. */
  decision: Decision | undefined;
  /** What the MTA was asked to change; nothing where it is `undefined`. */
  modifications: readonly Modification[] | undefined;
  /** How a new body of the message is kept until it is written, where a filter says so. */
  store: BodyStoreOptions | undefined;
  /**
   * At a piece of the body: how many filters want more of it after that; `Infinity` where one of them does not say.
   * Elsewhere it counts nothing, and a small number costs no memory of its own.
   */
  readers = 1;
  #hold: { count: number; freed: (() => void) | undefined } | undefined;

  constructor(owner: TurnOwner, stage: FlowStage, mode: TurnMode, message: Scope | undefined, since: number) {
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

  /** So many filters want no more of the body after this piece of it. */
  leave(count: number): void {
    // Of infinitely many, how many are left nobody knows: none of them may be left out.
    if (count !== Infinity) this.readers -= count;
  }

  /** Whether a filter has to be waited for although the MTA does not wait. */
  get held(): boolean {
    return this.#hold !== undefined && this.#hold.count > 0;
  }

  /**
   * At a silent stage: nothing that comes later is handled, nor much of it read, before the function that this returns
   * is called. What the MTA sends meanwhile piles up on its side.
   */
  hold(): () => void {
    const hold = (this.#hold ??= { count: 0, freed: undefined });
    let held = true;
    hold.count++;
    return () => {
      if (!held) return;
      held = false;
      if (--hold.count === 0) hold.freed?.();
    };
  }

  /** Calls `listener` when it is not held any more. */
  onFreed(listener: () => void): void {
    if (this.#hold !== undefined) this.#hold.freed = listener;
  }
}

/** An object that carries its turn. */
export interface Turned {
  readonly [TURN]: Turn;
}

/** The turn of an event; `undefined` for an event that no connection made, as in a drawing. */
export function turnOf(event: object): Turn | undefined {
  return (event as Partial<Turned>)[TURN];
}
