/**
 * An endpoint that cannot be listened on: in use, not permitted, no such directory or address.
 *
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
