import type { SmtpReply } from './smtp-reply.js';

/**
 * The text of a REPLYCODE: every line with the codes, all but the last with a hyphen, CRLF between.
 *
 * Sendmail takes it for a format string and Postfix undoes that, so each percent sign is doubled, once.
 */
export function replyText({ code, enhanced, lines }: SmtpReply): string {
  const status = enhanced === undefined ? '' : `${enhanced} `;
  const last = lines.length - 1;
  const [only] = lines;
  if (last === 0 && only !== undefined && !only.includes('%')) return `${code} ${status}${only}`;
  return lines
    .map((line, index) => `${code}${index === last ? ' ' : '-'}${status}${line.replaceAll('%', '%%')}`)
    .join('\r\n');
}
