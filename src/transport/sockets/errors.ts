export type Fail = (problem: string, cause?: unknown) => never;

/**
 * An endpoint that cannot be understood. Thrown before anything is opened.
 *
 * @remarks
 * The message says what was wrong, where, and what to write instead.
 */
export class EndpointError extends Error {
  override readonly name = 'EndpointError';
  /** The value that was given as an endpoint. */
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
 * The message says what to do; `cause` is the error of the system, where there was one. Nothing is left behind.
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

/** The file of a socket cannot be made; the message is the reason. */
export class SocketFileError extends Error {
  override readonly name = 'SocketFileError';
}
