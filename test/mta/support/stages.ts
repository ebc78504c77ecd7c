import type { MilterEvent } from 'rxmilter';

/** The stages of events, in their order. */
export function stages(events: readonly MilterEvent[]): string[] {
  return events.map(({ stage }) => stage);
}
