import { missingForLibmilter } from '../differential/missing-for-libmilter.js';
import { missingForMiltertest } from './missing-for-miltertest.js';
import { missingForOpenDkim } from './opendkim.js';
import {
  missingForClamAv,
  missingForHaProxy,
  missingForNats,
  missingForPostfix,
  missingForPymilter,
  missingForRedis,
  missingForRspamd,
  missingForSendmail,
  mtaRequired,
} from './requirements.js';

/** Runs once before all test files: says why suites will be skipped, or fails where that is not allowed. */
export function setup(): void {
  announce('Postfix', missingForPostfix());
  announce('Sendmail', missingForSendmail());
  announce('miltertest', missingForMiltertest());
  announce('libmilter', missingForLibmilter());
  announce('OpenDKIM', missingForOpenDkim());
  announce('Redis', missingForRedis());
  announce('NATS', missingForNats());
  announce('HAProxy', missingForHaProxy());
  announce('rspamd', missingForRspamd());
  announce('clamav-milter', missingForClamAv());
  announce('pymilter', missingForPymilter());
}

function announce(software: string, missing: string | undefined): void {
  if (missing === undefined) return;
  if (mtaRequired()) throw new Error(`RXMILTER_REQUIRE_MTA=1, but ${missing}`);
  console.warn(`\nSKIPPED: the tests with ${software} do not run here: ${missing}\n`);
}
