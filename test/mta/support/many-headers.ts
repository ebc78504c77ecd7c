import type { Letter } from './smtp-client.js';

export const FROM = 'From: Alice <alice@src.example>\r\n';
export const TO = 'To: Bob <bob@dst.example>\r\n';
export const SUBJECT = 'Subject: the subject\r\n';
export const ONE = 'X-Many: one\r\n';
export const TWO = 'X-Many: two\r\n';
export const THREE = 'X-Many: three\r\n';
/** The headers of the client, several of one name among them. */
export const CLIENT = [FROM, TO, SUBJECT, ONE, TWO, THREE];
/** The recipients of the letter. */
export const RECIPIENTS = ['<bob@dst.example>', '<cid@dst.example>'];

/** A message with these headers. */
export function withHeaders(headers: readonly string[]): string {
  return `${headers.join('')}\r\nFirst line.\r\n.a dot\r\nLast line.\r\n`;
}

/** A letter with the headers of the client. */
export const LETTER: Letter = {
  mail: '<alice@src.example>',
  rcpts: RECIPIENTS,
  data: withHeaders(CLIENT),
};
