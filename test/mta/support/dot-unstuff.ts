/**
 * Gives the message from what SMTP carried (closing line taken off): of two dots that begin a line one is removed.
 *
 * Only CRLF ends a line. All other bytes stay as they are.
 */
export function dotUnstuff(carried: Uint8Array): Buffer {
  return Buffer.from(
    Buffer.from(carried)
      .toString('latin1')
      .replace(/^\.(?=\.)|(?<=\r\n)\.(?=\.)/g, ''),
    'latin1',
  );
}
