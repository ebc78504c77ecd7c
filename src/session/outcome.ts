import type { Decision } from './decisions.js';
import type { Modification } from './modifications.js';
import type { AuthFacts, Client, SessionInfo, TlsFacts } from './session-info.js';
import type { FlowStage, Stage } from './stage.js';

/** What became of an event, or what went wrong apart from one. */
export interface Outcome {
  readonly session: SessionInfo;
  /** `negotiate` before the first event; `close` for what concerns the connection. */
  readonly stage: FlowStage | 'negotiate';
  /** What the MTA was told; `undefined` where no filter has decided, or nothing was told. */
  readonly decision: Decision | undefined;
  /** What the MTA was asked to change. */
  readonly modifications: readonly Modification[];
  /** The changes that were left out, since the MTA does not grant the rights for them (`ungranted: 'skip'`). */
  readonly skipped: readonly Modification[];
  /** Milliseconds from the event to its answer. */
  readonly elapsed: number;
  /** How often the MTA has waited for an answer in this message, or outside of messages since the last one. */
  readonly rounds: number;
  /** Bytes of its commands in this message, without macros, or outside of messages since the last one. */
  readonly bytes: number;
  readonly error: Error | undefined;
}

/** The end of a message, or of one of its recipients, as far as a filter can know it. */
export type MessageResult =
  /** The filter let it pass; the MTA may still refuse it. */
  | 'accepted'
  | 'refused'
  | 'deferred'
  | 'discarded'
  /** It passed and is held by the MTA. */
  | 'quarantined'
  /** The MTA took it back: RSET, the client's end, a new MAIL; also where the MTA itself has refused it. */
  | 'aborted'
  /** The connection to the MTA was over in the middle of it. */
  | 'lost';

/** A recipient of a message that is over. */
export interface RecipientOutcome {
  /** Without angle brackets. */
  readonly address: string;
  readonly result: 'accepted' | 'refused' | 'deferred';
  /** The reply that refused or deferred it, such as `550 5.1.1 No such user`; `''` for the MTA's own words. */
  readonly text: string;
}

/** A message that is over, however it ended. */
export interface MessageOutcome {
  readonly session: SessionInfo;
  readonly client: Client;
  readonly helo: string | undefined;
  readonly auth: AuthFacts | undefined;
  readonly tls: TlsFacts | undefined;
  readonly queueId: string | undefined;
  /** Without angle brackets; `''` is the null sender. */
  readonly sender: string;
  readonly recipients: readonly RecipientOutcome[];
  readonly result: MessageResult;
  /** The stage of the decision that ended it; `undefined` where none did. */
  readonly stage: Stage | undefined;
  /** The decision that ended it; `undefined` where nothing was decided. */
  readonly decision: Decision | undefined;
  /** The reply in the decision, such as `451 4.7.1 Try again later`; `''` without one. */
  readonly text: string;
  /** The changes that the MTA was asked for. */
  readonly modifications: readonly Modification[];
  /** The changes that were left out, since the MTA does not grant the rights for them (`ungranted: 'skip'`). */
  readonly skipped: readonly Modification[];
  /** Bytes of header and body where filters have read all of both, else the client's own declaration (`SIZE=`). */
  readonly size: number | undefined;
  /** Milliseconds from its first event to its end. */
  readonly duration: number;
  /** How often the MTA has waited for an answer in it. */
  readonly rounds: number;
  /** The first failure of a filter in it. */
  readonly error: Error | undefined;
}
