import { Subject, tap, type OperatorFunction } from 'rxjs';

import { messageOf } from '../../common/text-of.js';
import type { Flow, MilterEvent } from '../../session/flow.js';
import { turnOf } from '../../session/turn.js';

/** An event that went into the filter, or an event or reply that came out of it. */
export type Entry =
  { readonly way: 'in'; readonly flow: MilterEvent } | { readonly way: 'out'; readonly flow: Flow };

/** A filter between two observers, on one connection. Its tags are not known, so that an MTA asks about everything. */
export class Watch {
  /** What went in and came out, in order. */
  readonly log: Entry[] = [];
  /** Emits after each entry, and at the end. */
  readonly changes = new Subject<void>();
  readonly filter: OperatorFunction<Flow, Flow>;
  #newest: MilterEvent | undefined;
  #end: { readonly after: MilterEvent | undefined; readonly how: string } | undefined;

  constructor(filter: OperatorFunction<Flow, Flow>) {
    const end = (how: string): void => {
      // After close the connection itself is over.
      if (this.#newest?.stage !== 'close') this.#end = { after: this.#newest, how };
      this.changes.next();
    };
    this.filter = (source) =>
      source.pipe(
        tap((flow) => {
          if (flow.stage === 'reply') return;
          this.#newest = flow;
          this.#note({ way: 'in', flow });
        }),
        filter,
        tap({
          next: (flow) => this.#note({ way: 'out', flow }),
          error: (error: unknown) => end(`failed: ${messageOf(error)}`),
          complete: () => end('completed.'),
        }),
      );
  }

  /** The newest event that went in. */
  get newest(): MilterEvent | undefined {
    return this.#newest;
  }

  /** How the filter ended before its connection, and after which event. */
  get end(): { readonly after: MilterEvent | undefined; readonly how: string } | undefined {
    return this.#end;
  }

  /** The events and replies that came of an event. */
  cameOf(event: MilterEvent): Flow[] {
    return this.log.flatMap(({ way, flow }) => (way === 'out' && isSame(eventOf(flow), event) ? [flow] : []));
  }

  #note(entry: Entry): void {
    this.log.push(entry);
    this.changes.next();
  }
}

/** The event itself, or the event that a reply is to. */
export function eventOf(flow: Flow): MilterEvent {
  return flow.stage === 'reply' ? flow.to : flow;
}

/** Whether one of them is the other, or a copy of it. */
export function isSame(one: MilterEvent, other: MilterEvent): boolean {
  if (one === other) return true;
  const turn = turnOf(one);
  return turn !== undefined && turn === turnOf(other);
}
