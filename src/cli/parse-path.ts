import type { Path } from '../mta/simulate/mail.js';
import { UsageError } from './usage-error.js';

/**
 * Reads an address as it stands in SMTP: with or without angle brackets, and its ESMTP arguments after blanks.
 *
 * @param option which one it is from, for the message of the error
 * @throws UsageError where what follows on the address is no argument
 * @example parsePath('--rcpt', '<bob@example.org> NOTIFY=NEVER');
 */
export function parsePath(option: string, text: string): Path {
  const [, path = '', rest = ''] = /^\s*(<[^>]*>|(?:"(?:\\.|[^"\\])*"|[^\s"])*)(.*)$/s.exec(text) ?? [];
  const args = rest.split(/\s+/).filter((word) => word !== '');
  const bad = args.find((word) => !/^[A-Za-z\d][A-Za-z\d-]*(?:=[!-~]*)?$/.test(word));
  if (bad !== undefined || /[\0-\x1f\x7f]/.test(path)) {
    throw new UsageError(
      `${option} ${JSON.stringify(text)}: ${JSON.stringify(bad ?? path)} is no ESMTP argument. Write an address and then arguments, as in ${option} 'bob@example.org NOTIFY=NEVER'.`,
    );
  }
  return { address: path.replace(/^<(.*)>$/s, '$1'), args };
}
