import type { Decision } from './decisions.js';
import type { Modification } from './modifications.js';
import type { SessionInfo } from './session-info.js';
import type { FlowStage } from './stage.js';

/** What became of an event, or what went wrong apart from one. */
export interface Outcome {
  readonly session: SessionInfo;
  /** `negotiate` before the first event; `close` for what concerns the connection. */
  readonly stage: FlowStage | 'negotiate';
  /** What the MTA was told; `undefined` where no filter has decided, or nothing was told. */
  readonly decision: Decision | undefined;
  /** What the MTA was asked to change. */
  readonly modifications: readonly Modification[];
  /** Milliseconds from the event to its answer. */
  readonly elapsed: number;
  /** How often the MTA has waited for an answer in this message, or outside of messages since the last one. */
  readonly rounds: number;
  /** Bytes of its commands in this message, without macros, or outside of messages since the last one. */
  readonly bytes: number;
  readonly error: Error | undefined;
}
