/**
 * Prepares a message for SMTP: a dot that begins a line is doubled, and the closing line with its dot is added.
 *
 * Only CRLF ends a line. All other bytes go out as they are.
 */
export function dotStuff(message: string | Uint8Array): Buffer {
  const bytes = typeof message === 'string' ? Buffer.from(message, 'utf8') : Buffer.from(message);
  const stuffed = bytes.toString('latin1').replace(/^\.|(?<=\r\n)\./g, '..');
  const end = stuffed === '' || stuffed.endsWith('\r\n') ? '.\r\n' : '\r\n.\r\n';
  return Buffer.from(stuffed + end, 'latin1');
}
