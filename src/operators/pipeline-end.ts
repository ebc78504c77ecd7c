import type { Connection } from '../session/connection/connection.js';
import type { Flow } from '../session/flow.js';
import { ProjectError } from '../session/project-error.js';
import { UnansweredError } from '../session/unanswered-error.js';
import type { Downstream } from './step.js';

/** What is behind the last filter: hands answers to the connection, which does not survive its pipeline. */
export class PipelineEnd implements Downstream {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  next(flow: Flow): void {
    this.#connection.answer(flow);
  }

  error(error: unknown): void {
    this.#connection.abandon(new ProjectError(this.#connection.waitingAt, error));
  }

  complete(): void {
    // The usual end is that of the connection, after which the pipeline completes.
    if (this.#connection.over) return;
    this.#connection.abandon(
      new UnansweredError(
        this.#connection.waitingAt,
        'the pipeline completed before the connection was over.',
      ),
    );
  }
}
