import { decodeText } from '../../transport/wire/text.js';
import { withoutBlank } from './field-bytes.js';

/** A header field of a message. */
export interface HeaderField {
  readonly name: string;
  /** Without the blank after the colon; a folded one has LF and white space. */
  readonly value: string;
  /** Everything after the colon, as bytes, lines ended by LF. */
  readonly raw: Buffer;
}

/** A field from its name and what follows the colon. */
export function headerField(name: string, raw: Buffer): HeaderField {
  const value = withoutBlank(raw);
  return { name, value: decodeText(value, 0, value.length), raw };
}
