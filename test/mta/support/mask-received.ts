/** What {@link maskReceived} puts in the place of the mail server's own `Received:` header. */
export const RECEIVED = 'Received: (ours)\r\n';

/**
 * Gives a message as text, one character for each byte, with the `Received:` header that the mail server under test
 * has added replaced by {@link RECEIVED}: it holds the time and a queue id.
 */
export function maskReceived(message: Uint8Array): string {
  return Buffer.from(message)
    .toString('latin1')
    .replace(
      /^Received: [^\r]*(?:\r\n[ \t][^\r]*)*by mx\.test\.example [^\r]*\r\n(?:[ \t][^\r]*\r\n)*/m,
      RECEIVED,
    );
}
