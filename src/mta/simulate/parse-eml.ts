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

/** A field name (RFC 5322), and blanks before the colon, which old software wrote. */
const NAME = /^([\x21-\x39\x3b-\x7e]+[ \t]*):/;

/**
 * Splits a saved message (an `.eml` file) into the parts that `deliver()` takes.
 *
 * @remarks
 * Nothing is decoded or tidied up. Only a file whose first line ends with a bare LF gets CRLF for every line, as a client
 * would send it, and the line that an mbox has before a message (`From …`) is left out. Text is taken as UTF-8.
 *
 * @throws EmlError where it is empty, or a line of the header has a NUL, or is neither a field nor continues one
 *
 * @example await deliver({ ...envelope, ...parseEml(await readFile('mail.eml')) }, { to: filter });
 */
export function parseEml(text: Uint8Array | string): EmlParts {
  const bytes = Buffer.from(text);
  if (bytes.length === 0) throw new EmlError(1, 'there is no message: the text is empty.');
  // One character a byte.
  const latin1 = bytes.toString('latin1');
  const empty = /(?<![^\n])\r?\n/.exec(latin1);
  const end = empty?.index ?? bytes.length;
  const fields: { name: string; lines: string[] }[] = [];
  for (const [index, line] of latin1.slice(0, end).split(/\r?\n/).entries()) {
    if (line.includes('\0')) throw new EmlError(index + 1, 'there is a NUL in the header.');
    if (line === '' || (index === 0 && line.startsWith('From '))) continue;
    const name = NAME.exec(line)?.[1];
    const folded = line.startsWith(' ') || line.startsWith('\t');
    const field = fields.at(-1);
    if (name !== undefined) fields.push({ name, lines: [line.slice(name.length + 1)] });
    else if (folded && field !== undefined) field.lines.push(line);
    else {
      const fault = folded
        ? 'begins with a blank, but there is no field before it that it could continue.'
        : 'is no header field ("Name: value"). An empty line ends the header.';
      throw new EmlError(index + 1, `${quote(line, 40)} ${fault}`);
    }
  }
  const body = bytes.subarray(end + (empty?.[0].length ?? 0));
  const bare = /\r?\n/.exec(latin1)?.[0] === '\n';
  return {
    headers: fields.map(({ name, lines }) => {
      const { value, raw } = headerField(name, Buffer.from(lines.join('\n'), 'latin1'));
      return [name, value, raw];
    }),
    body: bare ? Buffer.from(body.toString('latin1').replace(/\r?\n/g, '\r\n'), 'latin1') : body,
  };
}
