/** What {@link maskReceived} puts in the place of the mail server's own `Received:` header. */
export const RECEIVED = 'Received: (ours)\r\n';

/** What Sendmail adds below its `Received:` where the client has sent none; it holds times and queue ids, too. */
const MADE_UP = [
  /^(?:Date: \w{3}, \d+ \w{3} \d{4} [\d:]{8} GMT\r\n)/m,
  /^(?:From: [^\s<]+@src\.example\r\n)/m,
  /^(?:Message-Id: <\d{12}\.\w+@mx\.test\.example>\r\n)/m,
];

/**
 * Gives a message as text, one character for each byte, with the `Received:` header that the mail server under test
 * has added replaced by {@link RECEIVED}: it holds the time and a queue id. The other headers that Sendmail makes up are
 * taken away.
 */
export function maskReceived(message: Uint8Array): string {
  const text = Buffer.from(message).toString('latin1');
  const end = text.indexOf('\r\n\r\n') + 2;
  const head = MADE_UP.reduce((rest, made) => rest.replace(made, ''), text.slice(0, end));
  return (
    head.replace(
      /^Received: [^\r]*(?:\r\n[ \t][^\r]*)*by mx\.test\.example [^\r]*\r\n(?:[ \t][^\r]*\r\n)*/m,
      RECEIVED,
    ) + text.slice(end)
  );
}
