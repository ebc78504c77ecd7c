import { existsSync } from 'node:fs';

import { INSTALL, POSTFIX, SENDMAIL } from './places.js';

/**
 * Says what is missing on this machine for running a private Postfix, or `undefined` when nothing is.
 *
 * Postfix refuses to start for anybody but root. `RXMILTER_REQUIRE_MTA=1` does not change the answer; whoever
 * asks has to fail instead of skipping (see {@link mtaRequired}).
 */
export function missingForPostfix(): string | undefined {
  const tools = [
    `${POSTFIX.commands}/postfix`,
    `${POSTFIX.commands}/postqueue`,
    `${POSTFIX.commands}/sendmail`,
    `${POSTFIX.daemons}/master`,
  ];
  return missingFor('Postfix', tools);
}

/** The same for a private Sendmail, which needs root for its queue, and m4 and a C compiler to be prepared. */
export function missingForSendmail(): string | undefined {
  return missingFor('Sendmail', [SENDMAIL.program, '/usr/bin/m4', '/usr/bin/cc']);
}

/** The same for a Redis, which several filters share. */
export function missingForRedis(): string | undefined {
  return notInstalled('Redis', ['/usr/bin/redis-server']);
}

/** The same for a NATS server, which streams come from. */
export function missingForNats(): string | undefined {
  return notInstalled('NATS', ['/usr/sbin/nats-server']);
}

/** The same for a HAProxy, which spreads connections over several filters. */
export function missingForHaProxy(): string | undefined {
  return notInstalled('HAProxy', ['/usr/sbin/haproxy']);
}

/** The same for rspamd, a milter that is not on libmilter. */
export function missingForRspamd(): string | undefined {
  return notInstalled('rspamd', ['/usr/bin/rspamd']);
}

/** The same for clamav-milter and its scanner. */
export function missingForClamAv(): string | undefined {
  return notInstalled('clamav-milter', ['/usr/sbin/clamav-milter', '/usr/sbin/clamd']);
}

/** The same for filters in Python. */
export function missingForPymilter(): string | undefined {
  return notInstalled('pymilter', ['/usr/bin/python3', '/usr/lib/python3/dist-packages/Milter/__init__.py']);
}

function missingFor(mta: string, tools: readonly string[]): string | undefined {
  const missing = notInstalled(mta, tools);
  if (missing !== undefined) return missing;
  if (process.getuid?.() !== 0) return `a private ${mta} can be started by root only`;
  return undefined;
}

function notInstalled(software: string, tools: readonly string[]): string | undefined {
  const absent = tools.filter((tool) => !existsSync(tool));
  return absent.length === 0
    ? undefined
    : `${software} is not installed (no ${absent.join(', ')}); run ${INSTALL}`;
}

/** True when `RXMILTER_REQUIRE_MTA=1` demands that a missing mail server is a failure, not a reason to skip. */
export function mtaRequired(): boolean {
  return process.env.RXMILTER_REQUIRE_MTA === '1';
}
