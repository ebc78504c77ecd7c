import type { SmtpReply } from '../../session/smtp-reply.js';

/**
 * A reply as the SMTP client sees it, CRLF between its lines and none at its end.
 *
 * @example
 * formatReply({ code: 550, enhanced: '5.7.1', lines: ['no', 'really'] }); // '550-5.7.1 no\r\n550 5.7.1 really'
 */
export function formatReply({ code, enhanced, lines }: SmtpReply): string {
  const status = enhanced === undefined ? '' : `${enhanced} `;
  const last = lines.length - 1;
  return lines.map((line, at) => `${code}${at === last ? ' ' : '-'}${status}${line}`).join('\r\n');
}
