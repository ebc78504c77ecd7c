// @ts-check
// What DMARC (RFC 7489) makes of the results of SPF, DKIM and ARC; a part of authentication-results.mjs.
import { dmarc } from 'mailauth';
import { domainToASCII } from 'node:url';

/** @typedef {import('mailauth').AuthenticateResult} Found */

const POLICIES = ['none', 'quarantine', 'reject'];

/**
 * The domain of the author, the result, and what that domain wants done with the mail.
 *
 * @param {Found} found what mailauth has found
 * @param {object} options
 * @param {number} options.froms how many From fields there are
 * @param {readonly string[]} options.sealers the domains whose ARC seal is believed
 * @param {import('./authentication-results-dns.mjs').LookUp} options.lookUp
 */
export async function judge({ dkim, spf, arc }, { froms, sealers, lookUp }) {
  const domains = new Set(dkim.headerFrom.map((author) => domainToASCII(author.replace(/^.*@/s, ''))));
  const [domain = ''] = domains;
  // Where a mail program shows one author and DMARC looks at another there is no protection.
  if (froms !== 1 || domains.size !== 1 || domain === '')
    return { result: 'permerror', reason: 'There has to be one From field, with authors of one domain' };

  for (const one of dkim.results) {
    // mailauth 4 believes signatures that leave out the author, too (RFC 6376, 6.1.1).
    const { keys = '' } = /** @type {{ signingHeaders?: { keys: string } }} */ (one).signingHeaders ?? {};
    if (one.status.result === 'pass' && !keys.toLowerCase().split(': ').includes('from'))
      one.status = { result: 'permerror', comment: 'From is not signed' };
  }
  const passed = {
    spf: spf && spf.status.result === 'pass' ? [spf.domain] : [],
    dkim: dkim.results.flatMap(({ status, signingDomain }) =>
      status.result === 'pass' ? [signingDomain.toLowerCase()] : [],
    ),
  };
  const dkimDomains = passed.dkim.map((one) => ({ domain: one }));
  const found = await dmarc({
    headerFrom: `@${domain}`,
    spfDomains: passed.spf,
    dkimDomains,
    resolver: lookUp,
  });
  if (!found) throw new Error('mailauth says nothing about DMARC');

  let { result } = found.status;
  // mailauth 4 takes strict alignment (adkim=s, aspf=s) for relaxed.
  const aligned = (/** @type {'spf' | 'dkim'} */ by) =>
    found.alignment[by].result && (!found.alignment[by].strict || passed[by].includes(domain));
  if (result === 'pass' && !aligned('spf') && !aligned('dkim')) result = 'fail';
  if (result !== 'fail') return { domain, result };

  // The others of a percentage get the next milder policy (RFC 7489, 6.6.4).
  const milder = Math.random() * 100 < (found.pct ?? 100) ? 0 : 1;
  const policy = POLICIES.indexOf(String(found.policy).trim().toLowerCase());
  const wanted = vouched(arc, sealers) ? 'none' : POLICIES[Math.max(0, policy - milder)];
  return { domain, result, wanted };
}

/**
 * Whether somebody who is believed says that mail was good before he has changed it, as mailing lists do.
 *
 * @param {Found['arc']} arc
 * @param {readonly string[]} sealers
 */
function vouched(arc, sealers) {
  if (!arc || arc.status.result !== 'pass') return false;
  // The domain of the seal, which covers the results that are believed here; the one of the signature does not.
  const sealer = arc.chain?.at(-1)?.['arc-seal']?.parsed?.d?.value;
  return sealers.includes(String(sealer)) && arc.authenticationResults?.['dmarc']?.result === 'pass';
}
