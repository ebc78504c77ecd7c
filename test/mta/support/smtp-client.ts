import { once } from 'node:events';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';

import { dotStuff } from './dot-stuff.js';
import { within } from './within.js';

/** A message for {@link SmtpClient.deliver}. */
export interface Letter {
  /** What stands behind `MAIL FROM:`. */
  readonly mail?: string | Uint8Array;
  /** What stands behind each `RCPT TO:`. */
  readonly rcpts?: readonly (string | Uint8Array)[];
  /** Headers and body, lines ending with CRLF; dots are doubled here. */
  readonly data: string | Uint8Array;
}

/** An SMTP client that does exactly what it is told. Text goes out as UTF-8, bytes as they are. */
export class SmtpClient {
  /** Settles when the connection is closed, by whomever. */
  readonly closed: Promise<unknown>;
  readonly #socket: Duplex;
  readonly #replies: string[] = [];
  readonly #transcript: string[] = [];
  #lines: string[] = [];
  #input = Buffer.alloc(0);
  #wake: () => void = () => undefined;

  /** A client that speaks through a stream that leads to a server. */
  constructor(socket: Duplex) {
    this.#socket = socket;
    this.closed = once(socket, 'close').catch(() => undefined);
    socket.on('error', (error) => this.#transcript.push(`! ${error.message}`));
    socket.on('data', (bytes: Buffer) => this.#receive(bytes));
    socket.on('close', () => this.#wake());
  }

  /** Connects to that port, of 127.0.0.1 by default. The greeting is the first {@link SmtpClient.reply}. */
  static async connect(port: number, host = '127.0.0.1'): Promise<SmtpClient> {
    const socket = connect({ port, host, noDelay: true });
    await once(socket, 'connect');
    return new SmtpClient(socket);
  }

  /** The next complete reply, its lines joined by LF; rejects when the connection closes before. */
  reply(): Promise<string> {
    const arrival = async (): Promise<string> => {
      for (;;) {
        const reply = this.#replies.shift();
        if (reply !== undefined) return reply;
        if (this.#socket.closed) throw new Error(`connection closed after\n${this.#transcript.join('\n')}`);
        await new Promise<void>((wake) => (this.#wake = wake));
      }
    };
    return within(arrival(), () => `a reply after\n${this.#transcript.join('\n')}`);
  }

  /** Writes bytes as they are. */
  write(bytes: string | Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** Sends one line and gives the reply to it. */
  command(...line: (string | Uint8Array)[]): Promise<string> {
    const bytes = Buffer.concat([...line.map((part) => Buffer.from(part)), Buffer.from('\r\n')]);
    this.#transcript.push(`> ${bytes.toString('latin1').trimEnd()}`);
    this.write(bytes);
    return this.reply();
  }

  /** Sends a message and the closing dot (after DATA was answered with 354), and gives the reply. */
  content(message: string | Uint8Array): Promise<string> {
    this.#transcript.push('> (message)');
    this.write(dotStuff(message));
    return this.reply();
  }

  /** Reads the greeting and says EHLO; gives the reply to that. */
  async hello(): Promise<string> {
    await this.reply();
    return this.command('EHLO client.example');
  }

  /** Sends a message, up to the first command that is refused; gives the last reply. */
  async deliver({
    mail = '<alice@src.example>',
    rcpts = ['<bob@dst.example>'],
    data,
  }: Letter): Promise<string> {
    const commands = [['MAIL FROM:', mail], ...rcpts.map((rcpt) => ['RCPT TO:', rcpt]), ['DATA']];
    for (const command of commands) {
      const reply = await this.command(...command);
      if (!/^[23]/.test(reply)) return reply;
    }
    return this.content(data);
  }

  /** Says QUIT and waits until the server has closed the connection. */
  async quit(): Promise<string> {
    const reply = await this.command('QUIT');
    await within(this.closed, () => 'the end of the connection after QUIT');
    return reply;
  }

  /** Cuts the connection without a word. */
  destroy(): void {
    this.#socket.destroy();
  }

  #receive(bytes: Buffer): void {
    this.#input = Buffer.concat([this.#input, bytes]);
    for (let end = this.#input.indexOf('\r\n'); end >= 0; end = this.#input.indexOf('\r\n')) {
      const line = this.#input.toString('utf8', 0, end);
      this.#input = this.#input.subarray(end + 2);
      this.#transcript.push(`< ${line}`);
      this.#lines.push(line);
      if (line[3] === '-') continue;
      this.#replies.push(this.#lines.join('\n'));
      this.#lines = [];
      this.#wake();
    }
  }
}
