import { quote } from '../../common/printable.js';
import { headerField } from './header-list.js';

/** A message without its envelope, as `Mail` has it. */
export interface EmlParts {
  /** In order, each with its name, its value as text, and every byte after the colon. */
  readonly headers: readonly (readonly [name: string, value: string, raw: Buffer])[];
  readonly body: Buffer;
}

/** Text that is no message; `line` is the place, from 1. */
export class EmlError extends Error {
  override readonly name = 'EmlError';
  readonly line: number;

  constructor(line: number, reason: string) {
    super(`Line ${line}: ${reason}`);
    this.line = line;
  }
}

const LF = 0x0a;
const CR = 0x0d;
/** A field name (RFC 5322), and blanks before the colon, which old software wrote. */
const NAME = /^([\x21-\x39\x3b-\x7e]+[ \t]*):/;

/**
 * Splits a message, such as a file that a mail program has saved, into the parts that `deliver()` takes.
 *
 * @remarks
 * Nothing is decoded or tidied up: sent on without a change the message has the same bytes. Only a file whose first
 * line ends with a bare LF gets CRLF for every line, as a client would send it; in others a bare LF stays as it is. The
 * line that an mbox has before a message (`From …`) is left out. The header ends with the first empty line; there need
 * not be a body, nor a header before it. Text is taken as UTF-8.
 *
 * @throws EmlError where it is no message: there is nothing in it, a line of the header is neither a field nor the
 *   continuation of one, or it has a NUL
 *
 * @example
 * const { message } = await deliver(
 *   { sender: 'a@example.com', recipients: ['b@example.org'], ...parseEml(await readFile('mail.eml')) },
 *   { to: filter },
 * );
 */
export function parseEml(text: Uint8Array | string): EmlParts {
  const bytes = Buffer.from(text);
  if (bytes.length === 0) throw new EmlError(1, 'there is no message: the text is empty.');
  const fields: { name: string; lines: string[] }[] = [];
  let at = 0;
  for (let number = 1; at < bytes.length; number++) {
    const { line, next } = lineAt(bytes, at);
    at = next;
    if (line === '') break;
    if (line.includes('\0')) throw new EmlError(number, 'there is a NUL in the header.');
    if (number === 1 && line.startsWith('From ')) continue;
    const name = NAME.exec(line)?.[1];
    if (name !== undefined) fields.push({ name, lines: [line.slice(name.length + 1)] });
    else continuation(line, number, fields.at(-1)?.lines);
  }
  const bare = bytes.indexOf(LF) > 0 ? bytes[bytes.indexOf(LF) - 1] !== CR : bytes[0] === LF;
  return {
    headers: fields.map(({ name, lines }) => {
      const { value, raw } = headerField(name, Buffer.from(lines.join('\n'), 'latin1'));
      return [name, value, raw];
    }),
    body: bare ? withCrlf(bytes.subarray(at)) : bytes.subarray(at),
  };
}

/** The line that begins there, one character a byte, without its end, and where the next one begins. */
function lineAt(bytes: Buffer, at: number): { line: string; next: number } {
  const end = bytes.indexOf(LF, at);
  if (end === -1) return { line: bytes.toString('latin1', at), next: bytes.length };
  const stop = end > at && bytes[end - 1] === CR ? end - 1 : end;
  return { line: bytes.toString('latin1', at, stop), next: end + 1 };
}

function continuation(line: string, number: number, field: string[] | undefined): void {
  const folded = line.startsWith(' ') || line.startsWith('\t');
  if (folded && field !== undefined) {
    field.push(line);
    return;
  }
  const shown = quote(line, 40);
  const reason = folded
    ? `${shown} begins with a blank, but there is no field before it that it could continue.`
    : `${shown} is no header field ("Name: value"). An empty line ends the header.`;
  throw new EmlError(number, reason);
}

function withCrlf(body: Buffer): Buffer {
  return Buffer.from(body.toString('latin1').replace(/\r?\n/g, '\r\n'), 'latin1');
}
