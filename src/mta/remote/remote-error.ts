import type { Stage } from '../../session/stage.js';

/**
 * A milter elsewhere that failed a filter: what it was at, where the milter listens, what the mail got in its place, and
 * as `cause` the `MilterError` that says how it failed.
 */
export class RemoteError extends Error {
  override readonly name = 'RemoteError';
  /** The event that it was asked about. */
  readonly stage: Stage;
  /** As `parseEndpoint` reads it. */
  readonly endpoint: string;

  constructor(stage: Stage, endpoint: string, instead: string, cause: Error) {
    super(`The milter at ${endpoint} could not be asked about ${stage}; ${instead}. ${cause.message}`, {
      cause,
    });
    this.stage = stage;
    this.endpoint = endpoint;
  }
}
