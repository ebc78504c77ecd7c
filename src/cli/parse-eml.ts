import { CommandError } from './command-error.js';

/** A message taken apart: header fields in order, their values without the colon and one blank, and the body. */
export interface EmlParts {
  readonly headers: readonly (readonly [name: string, value: Buffer])[];
  readonly body: Buffer;
}

const FIELD = /^([!-9;-~]+)[ \t]*:/;
const LF = 0x0a;

/**
 * Takes a message apart as it stands in a file. A file with LF at the end of its lines has them made CRLF in the body;
 * of one with CRLF the body is left as it is. The line that a mailbox has before a message is left out, and what
 * follows on the last field without an empty line is the body, as it is to a mail server.
 *
 * @param what the file, for the message of the error
 * @throws CommandError where it does not begin with a header and not with an empty line
 */
export function parseEml(bytes: Uint8Array, what: string): EmlParts {
  const text = Buffer.from(bytes);
  const headers: [string, Buffer][] = [];
  const unix = !text
    .subarray(0, text.indexOf(LF) + 1)
    .toString('latin1')
    .endsWith('\r\n');
  let at = text.subarray(0, 5).toString('latin1') === 'From ' ? endOfLine(text, 0) : 0;
  const first = at;
  while (at < text.length) {
    const end = endOfLine(text, at);
    const line = text.subarray(at, end).toString('latin1');
    if (/^\r?\n$/.test(line)) {
      at = end;
      break;
    }
    const name = FIELD.exec(line);
    const last = headers.at(-1);
    if (/^[ \t]/.test(line) && last !== undefined) {
      last[1] = Buffer.concat([last[1], text.subarray(at, end)]);
    } else if (name !== null) {
      const from = at + name[0].length;
      headers.push([name[1] ?? '', text.subarray(text[from] === 0x20 ? from + 1 : from, end)]);
    } else {
      if (at === first) {
        throw new CommandError(
          `${what} is no message: its first line is no header field like "Subject: Hello", and not empty.`,
        );
      }
      break;
    }
    at = end;
  }
  const body = text.subarray(at);
  return {
    headers: headers.map(([name, value]) => [name, withoutLineEnd(value)]),
    body: unix ? Buffer.from(body.toString('latin1').replace(/\r?\n/g, '\r\n'), 'latin1') : body,
  };
}

/** Where the next line begins. */
function endOfLine(text: Buffer, from: number): number {
  const at = text.indexOf(LF, from);
  return at === -1 ? text.length : at + 1;
}

function withoutLineEnd(value: Buffer): Buffer {
  const line = value.toString('latin1');
  return value.subarray(0, line.length - (/\r?\n$/.exec(line)?.[0].length ?? 0));
}
