import type { COMMANDS } from '../transport/commands.js';
import type { ReplyName } from '../transport/replies.js';
import type { SessionInfo } from './session-info.js';

/** A frame that went over the wire; see `SessionOptions.trace`. */
export type TraceEntry = {
  /** The connection. */
  readonly session: SessionInfo;
  /** The data of the frame. Only to be looked at, and only now: the bytes are those of the wire, not a copy. */
  readonly data: Uint8Array;
  /** `false` for a part of a body frame that is not its last: such a frame is told as it comes, part by part. */
  readonly last: boolean;
  /** The frame in a line of text, such as `rcpt <bob@example.org> NOTIFY=NEVER`; long things are cut. */
  readonly text: string;
} & (
  | { readonly from: 'mta'; readonly name: keyof typeof COMMANDS }
  | { readonly from: 'filter'; readonly name: ReplyName }
);
