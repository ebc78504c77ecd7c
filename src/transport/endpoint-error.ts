/**
 * An endpoint that cannot be understood. Thrown by `parseEndpoint`, before anything is opened.
 *
 * The message says what was wrong, where, and what to write instead; `input` is what was given, unchanged.
 */
export class EndpointError extends Error {
  override readonly name = 'EndpointError';
  /** What was given to `parseEndpoint`. */
  readonly input: unknown;

  constructor(message: string, input: unknown) {
    super(message);
    this.input = input;
  }
}
