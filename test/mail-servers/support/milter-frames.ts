import { connect, type Socket } from 'node:net';
import { connect as connectSecurely, type ConnectionOptions } from 'node:tls';

import { within } from '../../mta/support/within.js';

/** A frame: its letter, and what follows it. */
export interface Frame {
  readonly letter: string;
  readonly data: Buffer;
}

/** A socket to a milter by which frames are written and read, one by one. */
export class MilterFrames {
  readonly #socket: Socket;
  readonly #frames: AsyncGenerator<Frame, undefined>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#frames = framesOf(socket);
  }

  /** Connects to a place such as `inet:8891@127.0.0.1`, with TLS where that is asked for. */
  static async connect(address: string, secure?: ConnectionOptions): Promise<MilterFrames> {
    const [, port = '', host = ''] = /^inet:(\d+)@(.*)$/.exec(address) ?? [];
    const socket =
      secure === undefined
        ? connect(Number(port), host).setNoDelay()
        : connectSecurely({ ...secure, port: Number(port), host });
    const done = new Promise((resolve, reject) => {
      socket.once(secure === undefined ? 'connect' : 'secureConnect', resolve).once('error', reject);
    });
    await within(done, () => address);
    return new MilterFrames(socket);
  }

  write(letter: string, ...parts: readonly (string | Uint8Array)[]): void {
    const data = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
    const head = Buffer.alloc(5);
    head.writeUInt32BE(data.length + 1);
    head.write(letter, 4, 'latin1');
    this.#socket.write(Buffer.concat([head, data]));
  }

  async read(): Promise<Frame> {
    const { value } = await within(this.#frames.next(), () => 'a frame of the milter');
    if (value === undefined) throw new Error('the milter has closed the connection');
    return value;
  }

  close(): void {
    this.#socket.destroy();
  }
}

async function* framesOf(socket: Socket): AsyncGenerator<Frame, undefined> {
  let bytes = Buffer.alloc(0);
  for await (const piece of socket as AsyncIterable<Buffer>) {
    bytes = Buffer.concat([bytes, piece]);
    while (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE()) {
      const end = 4 + bytes.readUInt32BE();
      yield { letter: bytes.toString('latin1', 4, 5), data: bytes.subarray(5, end) };
      bytes = bytes.subarray(end);
    }
  }
  return undefined;
}

/** A string without its NUL, and what follows it; throws where there is no NUL. */
export function stringIn(data: Buffer): [text: Buffer, rest: Buffer] {
  const end = data.indexOf(0);
  if (end === -1) throw new Error(`a string without a NUL at its end: ${data.toString('latin1')}`);
  return [data.subarray(0, end), data.subarray(end + 1)];
}

/** Text in UTF-8; throws where it is not. */
export function utf8(bytes: Buffer): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
}

/** A mail for a simulated server. */
export interface PlainMail {
  readonly sender?: string;
  readonly recipients?: readonly string[];
  readonly user?: string;
  /** Header, empty line and body, with CRLF. */
  readonly message: string | Buffer;
}

/** What became of it. */
export interface PlainDelivery {
  readonly result: 'delivered' | 'quarantined' | 'refused' | 'discarded';
  /** What the client is told. */
  readonly reply: string;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly message: string;
}

/** The fields of a header, as they stand in a message: each with its name and all behind the colon, without the last CRLF. */
export function fieldsOf(message: Buffer): {
  readonly fields: [name: string, rest: string][];
  readonly body: Buffer;
} {
  const text = message.toString('latin1');
  const end = text.startsWith('\r\n') ? 0 : text.indexOf('\r\n\r\n') + 2;
  const fields = text
    .slice(0, end)
    .split(/\r\n(?![ \t])/)
    .filter((line) => line !== '')
    .map((line): [string, string] => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]);
  return { fields, body: message.subarray(end + 2) };
}
