import { existsSync } from 'node:fs';
import { SENDMAIL } from './sendmail-place.js';

/**
 * Says what is missing on this machine for running a private Postfix, or `undefined` when nothing is.
 *
 * Postfix refuses to start for anybody but root. `RXMILTER_REQUIRE_MTA=1` does not change the answer; whoever
 * asks has to fail instead of skipping (see {@link mtaRequired}).
 */
export function missingForPostfix(): string | undefined {
  const tools = [
    '/usr/sbin/postfix',
    '/usr/sbin/postqueue',
    '/usr/sbin/sendmail',
    '/usr/lib/postfix/sbin/master',
  ];
  return missingFor('Postfix', tools);
}

/** The same for a private Sendmail, which needs root for its queue, and m4 and a C compiler to be prepared. */
export function missingForSendmail(): string | undefined {
  return missingFor('Sendmail', [SENDMAIL.program, '/usr/bin/m4', '/usr/bin/cc']);
}

function missingFor(mta: string, tools: readonly string[]): string | undefined {
  const absent = tools.filter((tool) => !existsSync(tool));
  if (absent.length > 0) return `${mta} is not installed (no ${absent.join(', ')}); run test/mta/install.sh`;
  if (process.getuid?.() !== 0) return `a private ${mta} can be started by root only`;
  return undefined;
}

/** True when `RXMILTER_REQUIRE_MTA=1` demands that a missing mail server is a failure, not a reason to skip. */
export function mtaRequired(): boolean {
  return process.env.RXMILTER_REQUIRE_MTA === '1';
}
