import { quote } from '../../common/printable.js';

/**
 * Bytes that break the milter protocol.
 *
 * @remarks
 * Their connection is closed, and no other: without numbers in the protocol one misread frame shifts every later reply.
 */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  /** The letter of the frame; `undefined` where it did not get that far. */
  readonly command: string | undefined;
  /** Where the frame began, in bytes from the beginning of the connection. */
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
