import type { Command } from '../transport/command.js';
import type { WireReply } from '../transport/wire-reply.js';

/** What an MTA sent in one go, and what the milter said to that. */
export interface Exchange {
  readonly sent: readonly Command[];
  readonly received: readonly WireReply[];
}
