/** Bytes written in hexadecimal, blanks between them as one likes. */
export function hex(text: string): Buffer {
  const digits = text.replace(/\s+/g, '');
  const bytes = Buffer.from(digits, 'hex');
  if (bytes.length * 2 !== digits.length) throw new Error(`Not hexadecimal: ${text}`);
  return bytes;
}

/** Bytes written as characters of Latin-1. */
export function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}
