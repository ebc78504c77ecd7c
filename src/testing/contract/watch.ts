import { tap, type OperatorFunction } from 'rxjs';

import type { Flow, MilterEvent } from '../../session/flow.js';
import { turnOf } from '../../session/turn.js';

/** Something that went into the filter or came out of it. */
export type Entry =
  | { readonly way: 'in'; readonly flow: MilterEvent }
  | { readonly way: 'out'; readonly flow: Flow }
  | { readonly way: 'end'; readonly how: 'completed' | 'failed'; readonly error?: unknown };

/** A filter that is looked at from both sides. */
export interface Watched {
  readonly filter: OperatorFunction<Flow, Flow>;
  /** What happened, of all its connections. */
  readonly log: readonly Entry[];
}

/** Puts a filter between two observers. Nothing is known of the result, so that an MTA asks it about everything. */
export function watch(
  filter: OperatorFunction<Flow, Flow>,
  seen: (entry: Entry) => void = () => undefined,
): Watched {
  const log: Entry[] = [];
  const note = (entry: Entry): void => {
    log.push(entry);
    seen(entry);
  };
  return {
    log,
    filter: (source) =>
      source.pipe(
        tap((flow) => {
          if (flow.stage !== 'reply') note({ way: 'in', flow });
        }),
        filter,
        tap({
          next: (flow) => note({ way: 'out', flow }),
          error: (error: unknown) => note({ way: 'end', how: 'failed', error }),
          complete: () => note({ way: 'end', how: 'completed' }),
        }),
      ),
  };
}

/** The event that something is, or is the reply to. */
export function eventOf(flow: Flow): MilterEvent {
  return flow.stage === 'reply' ? flow.to : flow;
}

/** Whether one of them is the other, or a copy of it. */
export function isSame(one: MilterEvent, other: MilterEvent): boolean {
  if (one === other) return true;
  const turn = turnOf(one);
  return turn !== undefined && turn === turnOf(other);
}
