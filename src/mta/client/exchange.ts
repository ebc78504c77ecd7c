import type { Command } from '../../transport/wire/commands.js';
import type { WireReply } from '../../transport/wire/replies.js';

/** What an MTA sent in one go, and what the milter said to that. */
export interface Exchange {
  readonly sent: readonly Command[];
  readonly received: readonly WireReply[];
}
