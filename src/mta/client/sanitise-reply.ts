import { quote } from '../../common/printable.js';
import type { KnownProfile } from '../../session/profiles/profile.js';
import type { SmtpReply } from '../../session/smtp-reply.js';

/** Postfix's own refusals. */
export const REFUSALS = {
  reject: { code: 550, enhanced: '5.7.1', lines: ['Command rejected'] },
  tempfail: { code: 451, enhanced: '4.7.1', lines: ['Service unavailable - try again later'] },
  /** For a milter that has failed, where mail is then deferred, or refused. */
  unavailable: { code: 451, enhanced: '4.7.1', lines: ['Service unavailable - try again later'] },
  failed: { code: 550, enhanced: '5.5.0', lines: ['Service unavailable'] },
  shutdown: { code: 421, enhanced: '4.7.0', lines: ['Server closing connection'] },
} as const satisfies Record<string, SmtpReply>;

export interface SanitisedReply {
  readonly reply: SmtpReply;
  /** Why the milter cannot be trusted any more, where that is so. */
  readonly violation?: string;
}

const CODE = /^[45]\d\d(?=[ -]|$)/;
const LINE = /^(\d\d\d)(?:([ -])(.*))?$/;
const ENHANCED = /^[245](\.\d{1,3}\.\d{1,3})(?: +|$)/;
const CONTROL = /[\0-\x08\x0a-\x1f\x7f]/;

/** What a mail server's client gets of the text of a reply code. */
export function readReply(text: string, { replies, missingCode }: KnownProfile): SanitisedReply {
  if (replies === 'checked') return sanitiseReply(text, missingCode);
  const code = Number(text.slice(0, 3));
  // Of what is between code and text neither says what it has to be.
  if (!/^\d\d\d./s.test(text)) return { reply: REFUSALS.tempfail, violation: 'its reply has no code' };
  if (replies === 'code') return { reply: { code, enhanced: '5.7.1', lines: REFUSALS.reject.lines } };
  const [, enhanced, line = ''] = /^(?:(\d\.\d{1,3}\.\d{1,3}) )?([^\r\n]*)/.exec(text.slice(4)) ?? [];
  return { reply: { code, ...(enhanced !== undefined && { enhanced }), lines: [line] } };
}

/**
 * Makes the text of a reply code fit for an SMTP client.
 *
 * `%%` is a percent sign (MTAs take the text as a format); a single one is left as it is. An enhanced code that is missing
 * or of another class than the code is put right. A text without a usable code, or with other lines than it says
 * (`violation`), is replaced by the default refusal.
 *
 * @param missing the enhanced code, without its class, for a reply that has none; `''` leaves it without
 */
export function sanitiseReply(text: string, missing = REFUSALS.reject.enhanced.slice(1)): SanitisedReply {
  const standard = text.startsWith('4') ? REFUSALS.tempfail : REFUSALS.reject;
  const lines = text.split('\r\n');
  if (lines.some((line) => CONTROL.test(line))) {
    return { reply: standard, violation: 'its reply has control characters or bare line ends' };
  }
  const code = CODE.exec(text)?.[0];
  if (code === undefined) return { reply: standard };
  const parts = lines.map((line) => LINE.exec(line) ?? []);
  const wrong = parts.findIndex(([, own, separator = ' '], at) => {
    return own !== code || separator !== (at === lines.length - 1 ? ' ' : '-');
  });
  if (wrong !== -1)
    return { reply: standard, violation: `its reply has a wrong line: ${quote(lines[wrong])}` };
  const own = ENHANCED.exec(parts[0]?.[3] ?? '')?.[1];
  const shown = parts.map(([, , , rest = '']) => rest.replace(ENHANCED, '').replaceAll('%%', '%'));
  const empty = shown.every((line) => line === '');
  const rest = own ?? (empty ? REFUSALS.reject.enhanced.slice(1) : missing);
  const enhanced = rest === '' ? {} : { enhanced: `${code.charAt(0)}${rest}` };
  return { reply: { code: Number(code), ...enhanced, lines: empty ? standard.lines : shown } };
}
