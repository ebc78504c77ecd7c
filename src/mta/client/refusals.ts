import type { SmtpReply } from '../../session/smtp-reply.js';

/** The refusals that Postfix has of its own. */
export const REFUSALS = {
  reject: { code: 550, enhanced: '5.7.1', lines: ['Command rejected'] },
  tempfail: { code: 451, enhanced: '4.7.1', lines: ['Service unavailable - try again later'] },
  /** Of a milter that has failed, where mail is then refused. */
  failed: { code: 550, enhanced: '5.5.0', lines: ['Service unavailable'] },
  shutdown: { code: 421, enhanced: '4.7.0', lines: ['Server closing connection'] },
} as const satisfies Record<string, SmtpReply>;
