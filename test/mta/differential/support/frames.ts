/** What goes over the wire, written here anew: a mistake in the library's own encoders must not hide in the test. */
export interface Frame {
  readonly letter: string;
  readonly data: Buffer;
}

/** Strings are Latin-1; the caller writes the NULs. */
export function frame(letter: string, ...data: readonly (string | Uint8Array)[]): Buffer {
  const payload = Buffer.concat(
    data.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)),
  );
  const head = Buffer.alloc(5);
  head.writeUInt32BE(payload.length + 1);
  head.write(letter, 4, 'latin1');
  return Buffer.concat([head, payload]);
}

/** A number of 32 bits. */
export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** For people: the letter and what follows, bytes that cannot be read as `\xx`; of long data its size and ends. */
export function shown({ letter, data }: Frame): string {
  const text = data
    .toString('latin1')
    .replaceAll(/[^ -~]/g, (character) => `\\${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
  if (text.length <= 4000) return text === '' ? letter : `${letter} ${text}`;
  return `${letter} ${data.length} bytes: ${text.slice(0, 40)}…${text.slice(-40)}`;
}
