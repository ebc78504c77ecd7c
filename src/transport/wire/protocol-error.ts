import { quote } from '../../common/printable.js';

/**
 * Bytes that break the milter protocol.
 *
 * @remarks
 * A frame is too long, empty, truncated, of an unknown command, or its data does not have the layout of its command.
 *
 * The connection that it came from cannot be trusted any more (the protocol has no numbering: one misread frame shifts
 * every later reply), so it is closed. Other connections are untouched.
 */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  /** The command or reply letter of the frame, or `undefined` where the frame did not get as far as having one. */
  readonly command: string | undefined;
  /** Where in the stream of this connection the frame began, in bytes from 0. */
  readonly offset: number;
  /** The problem, without the position. */
  readonly reason: string;

  constructor(reason: string, command: string | undefined, offset: number) {
    const what = command === undefined ? 'frame' : `frame ${quote(command)}`;
    super(`Milter protocol violated in the ${what} at byte ${offset}: ${reason}. The connection is closed.`);
    this.reason = reason;
    this.command = command;
    this.offset = offset;
  }
}
