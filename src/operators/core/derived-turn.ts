import { warn } from '../../common/write-error.js';
import { tempfail } from '../../session/decisions.js';
import type { MilterEvent, Reply, StageEvent } from '../../session/flow.js';
import {
  TURN,
  Turn,
  turnOf,
  type MessageScope,
  type Turned,
  type TurnMode,
  type TurnOwner,
} from '../../session/turn.js';

/** Who is told of what goes wrong where no connection is, as in a drawing. */
const NO_CONNECTION: TurnOwner = Object.freeze({
  failure: Object.freeze(tempfail()),
  report: (_stage, error) => {
    warn(error);
  },
} satisfies TurnOwner);

/** What a derived turn has otherwise than the one that it is derived from. */
export interface TurnTerms {
  readonly owner?: TurnOwner;
  readonly mode?: TurnMode;
  readonly message?: MessageScope | undefined;
}

/**
 * The turn of an event as a filter within an operator has it: it may end before that of the event itself, and with it
 * all that runs in that filter for the event, in the way in which it always ends.
 *
 * Where the event has no turn, as in a drawing, it gets one here, so that it can still be cancelled.
 */
export class DerivedTurn extends Turn {
  readonly original: Turn | undefined;

  constructor(event: StageEvent, terms: TurnTerms = {}) {
    const original = turnOf(event);
    super(
      terms.owner ?? original?.owner ?? NO_CONNECTION,
      event.stage,
      terms.mode ?? original?.mode ?? 'silent',
      'message' in terms ? terms.message : original?.message,
      original?.since ?? 0,
    );
    this.original = original;
    this.overruled = original?.overruled ?? false;
  }
}

/** Whether an MTA is at the other end that does not wait for an answer. */
export function isSilent(turn: Turn | undefined): boolean {
  return turn?.mode === 'silent' && turn.owner !== NO_CONNECTION;
}

/** A copy of the event with another turn, or with none. */
export function withTurn<E extends MilterEvent>(event: E, turn: Turn | undefined): E {
  if (turn !== undefined) return { ...event, [TURN]: turn };
  const { [TURN]: _turn, ...rest } = event as E & Partial<Turned>;
  return rest as unknown as E;
}

/** The event that something is, or is the reply to. */
export function eventOf(flow: StageEvent | Reply): StageEvent {
  return flow.stage === 'reply' ? flow.to : flow;
}
