import type { Socket } from 'node:net';

import { dotUnstuff } from './dot-unstuff.js';

/** One message as it reached the sink. */
export interface Transaction {
  /** What stood behind `MAIL FROM:`, address with brackets and arguments. */
  readonly mail: string;
  /** What stood behind each `RCPT TO:`. */
  readonly rcpts: readonly string[];
  /** The message byte for byte, with dot-stuffing undone. */
  readonly data: Buffer;
}

// No PIPELINING: with it Sendmail writes command by command, each of which waits for the acknowledgement of the last.
const OFFER = ['sink.test.example', '8BITMIME', 'SMTPUTF8', 'DSN'];
const CLOSING = Buffer.from('\r\n.\r\n');

/** Plays the SMTP server on a connection, agrees to everything, and hands each complete message to `deliver`. */
export function sinkSession(socket: Socket, deliver: (transaction: Transaction) => void): void {
  let line = Buffer.alloc(0);
  let content: Buffer[] | undefined;
  let mail = '';
  let rcpts: string[] = [];
  const say = (text: string): void => void socket.write(`${text}\r\n`);

  const obey = (command: string): void => {
    const verb = command.slice(0, 4).toUpperCase();
    if (verb === 'EHLO') {
      say(OFFER.map((word, at) => `250${at === OFFER.length - 1 ? ' ' : '-'}${word}`).join('\r\n'));
    } else if (verb === 'MAIL') {
      mail = command.slice('MAIL FROM:'.length);
      rcpts = [];
      say('250 2.1.0 sender noted');
    } else if (verb === 'RCPT') {
      rcpts.push(command.slice('RCPT TO:'.length));
      say('250 2.1.5 recipient noted');
    } else if (verb === 'DATA') {
      content = [Buffer.from('\r\n')]; // so that a closing line at the very beginning is found as well
      say('354 go ahead');
    } else if (verb === 'QUIT') {
      socket.end('221 2.0.0 bye\r\n');
    } else {
      say('250 2.0.0 fine');
    }
  };

  /** Takes message bytes and gives back what follows the end of the message, or nothing if it has not come yet. */
  const collect = (chunks: Buffer[], bytes: Buffer): Buffer | undefined => {
    // the closing line may have begun in what came before
    const last = chunks.pop() ?? Buffer.alloc(0);
    const from = Math.max(0, last.length - CLOSING.length + 1);
    const tail = Buffer.concat([last.subarray(from), bytes]);
    const at = tail.indexOf(CLOSING);
    chunks.push(last.subarray(0, from), tail);
    if (at < 0) return undefined;
    const carried = Buffer.concat(chunks);
    const end = carried.length - tail.length + at + 2;
    deliver({ mail, rcpts, data: dotUnstuff(carried.subarray(2, end)) });
    return tail.subarray(at + CLOSING.length);
  };

  say('220 sink.test.example ESMTP');
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes: Buffer) => {
    let rest = bytes;
    while (rest.length > 0) {
      if (content !== undefined) {
        const after = collect(content, rest);
        if (after === undefined) return;
        rest = after;
        content = undefined;
        say('250 2.0.0 kept');
        continue;
      }
      line = Buffer.concat([line, rest]);
      const end = line.indexOf('\r\n');
      if (end < 0) return;
      const command = line.toString('utf8', 0, end);
      rest = line.subarray(end + 2);
      line = Buffer.alloc(0);
      obey(command);
    }
  });
}
