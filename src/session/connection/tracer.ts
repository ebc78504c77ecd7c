import { ignoreRejection, onRejection } from '../../common/promises.js';
import { isA } from '../../common/text-of.js';
import { type Command, type CommandName, commandCodec } from '../../transport/wire/commands.js';
import { describeMessage } from '../../transport/wire/describe-message.js';
import { ProtocolError } from '../../transport/wire/protocol-error.js';
import { type ReplyName, type WireReply, replyCodec } from '../../transport/wire/replies.js';
import type { SessionInfo } from '../session-info.js';

/** A frame that went over the wire; see `SessionOptions.trace`. */
export type TraceEntry = {
  readonly session: SessionInfo;
  /** The data of the frame, for now alone: the bytes are those of the wire, not a copy. */
  readonly data: Uint8Array;
  /** `false` for a part of a body frame that is not its last. */
  readonly last: boolean;
  /** The frame in a line, such as `rcpt <bob@example.org> NOTIFY=NEVER`; long things are cut. */
  readonly text: string;
} & (
  { readonly from: 'mta'; readonly name: CommandName } | { readonly from: 'filter'; readonly name: ReplyName }
);

/** Gives a function of the user's what goes over the wire of one connection, until it throws. */
export class Tracer {
  #trace: ((entry: TraceEntry) => unknown) | undefined;
  readonly #session: () => SessionInfo;
  readonly #failed: (error: unknown) => void;

  constructor(
    trace: (entry: TraceEntry) => void,
    session: () => SessionInfo,
    failed: (error: unknown) => void,
  ) {
    this.#trace = trace;
    this.#session = session;
    this.#failed = failed;
  }

  command(letter: number, data: Buffer, start: number, end: number, last: boolean): void {
    let message: Command;
    try {
      message = commandCodec.decode(letter, data, start, end);
    } catch (error) {
      // It ends the connection, which is told where that happens.
      if (isA(error, ProtocolError)) return;
      throw error;
    }
    const { type: name } = message;
    this.#tell({ from: 'mta', name, ...this.#whole(message, data.subarray(start, end), last) });
  }

  reply(frame: Uint8Array): void {
    const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.length);
    const message: WireReply = replyCodec.decode(bytes[4] ?? 0, bytes, 5, bytes.length);
    const { type: name } = message;
    this.#tell({ from: 'filter', name, ...this.#whole(message, bytes.subarray(5), true) });
  }

  #whole(
    message: Command | WireReply,
    data: Uint8Array,
    last: boolean,
  ): Pick<TraceEntry, 'session' | 'data' | 'last' | 'text'> {
    return { session: this.#session(), data, last, text: describeMessage(message) };
  }

  #tell(entry: TraceEntry): void {
    if (this.#trace === undefined) return;
    try {
      // An async function is a function that returns nothing, too.
      const result = this.#trace(entry);
      if (typeof result === 'object') onRejection(result, (reason) => this.#end(reason));
    } catch (error) {
      this.#end(error);
    }
  }

  /** Of several calls that fail later the first one is told. */
  #end(error: unknown): void {
    if (this.#trace === undefined) {
      ignoreRejection(error);
      return;
    }
    this.#trace = undefined;
    this.#failed(error);
  }
}
