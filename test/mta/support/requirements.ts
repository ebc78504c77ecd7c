import { existsSync } from 'node:fs';

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
  const absent = tools.filter((tool) => !existsSync(tool));
  if (absent.length > 0) return `Postfix is not installed (no ${absent.join(', ')}); run test/mta/install.sh`;
  if (process.getuid?.() !== 0) return 'a private Postfix can be started by root only';
  return undefined;
}

/** True when `RXMILTER_REQUIRE_MTA=1` demands that a missing mail server is a failure, not a reason to skip. */
export function mtaRequired(): boolean {
  return process.env.RXMILTER_REQUIRE_MTA === '1';
}
