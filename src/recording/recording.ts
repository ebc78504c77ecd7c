import type { Command } from '../transport/wire/commands.js';
import type { WireReply } from '../transport/wire/replies.js';

/** A frame that went over the wire. */
export type RecordedFrame = {
  /** Milliseconds from the first frame of the session. */
  readonly ms: number;
} & (
  | { readonly from: 'mta'; readonly message: Command }
  | { readonly from: 'filter'; readonly message: WireReply }
);

/** What MTA and filter said to each other on one connection. */
export interface RecordedSession {
  /** Unique in its recording. */
  readonly id: string;
  /** In the order in which they were handled: what a filter says follows on the event that it says it to. */
  readonly frames: readonly RecordedFrame[];
}

/** What `record()` has written; see `readRecording()`. */
export interface Recording {
  /** In the order in which they began. */
  readonly sessions: readonly RecordedSession[];
  /** Last lines of a run that are not whole, since the program was ended while it wrote: the others are all there. */
  readonly truncated: readonly { readonly line: number; readonly text: string }[];
}
