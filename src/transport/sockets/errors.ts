/** Throws an error that says what was wrong. */
export type Fail = (problem: string, cause?: unknown) => never;

/**
 * An endpoint that cannot be understood. Thrown by `parseEndpoint`, before anything is opened.
 *
 * @remarks
 * The message says what was wrong, where, and what to write instead; `input` is what was given, unchanged.
 */
export class EndpointError extends Error {
  override readonly name = 'EndpointError';
  /** The value that was given to `parseEndpoint`. */
  readonly input: unknown;

  constructor(message: string, input: unknown) {
    super(message);
    this.input = input;
  }
}

/**
 * An endpoint that cannot be listened on: in use, not permitted, no such directory or address.
 *
 * @remarks
 * The message says what was wrong and what to do; `cause` is the error of the operating system, where there was one.
 * When it is thrown nothing is left behind: no listening server, no socket file.
 */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  /** The endpoint as text, for example `inet:8891@127.0.0.1`. */
  readonly endpoint: string;

  constructor(message: string, endpoint: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.endpoint = endpoint;
  }
}

/** Why the file of a socket cannot be made, in words that need no explanation. */
export class SocketFileError extends Error {
  override readonly name = 'SocketFileError';
}
