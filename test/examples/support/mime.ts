/** Lines of a mail, each ended by CRLF; text that holds several lines is divided. */
export function lines(...all: readonly string[]): string {
  return all.map((text) => `${text.replace(/\r?\n/g, '\r\n')}\r\n`).join('');
}

/** A part of a mail: its header fields, an empty line, its body. */
export function part(fields: readonly string[], body = 'content'): string {
  return lines(...fields, '', body);
}

/** A part, or a whole mail, that consists of these. */
export function multipart(
  parts: readonly string[],
  { type = 'mixed', boundary = 'b', fields = [''] } = {},
): string {
  return lines(
    ...fields.filter((field) => field !== ''),
    `Content-Type: multipart/${type}; boundary="${boundary}"`,
    '',
    ...parts.map((one) => `--${boundary}\r\n${one}`.replace(/\r\n$/, '')),
    `--${boundary}--`,
  );
}

/** The body of a part in base64, in lines as mail has them (RFC 2045, 6.8). */
export function base64(content: string | Uint8Array): string {
  return (
    Buffer.from(content)
      .toString('base64')
      .match(/.{1,76}/g) ?? []
  ).join('\r\n');
}
