// @ts-check
// Checks SPF, DKIM, DMARC and ARC of mail from outside, says in an Authentication-Results field what it has found, and
// refuses what is not from the domain that it says it is from, where that domain wants it refused (DMARC).
//
//   npm install rxmilter rxjs mailauth@4          (mailauth 5 and later need Node 22)
//   AUTHSERV_ID=mx.example.org DMARC=report node authentication-results.mjs inet:8891@127.0.0.1
import { Resolver } from 'node:dns/promises';
import { realpathSync } from 'node:fs';
import { BlockList, isIP } from 'node:net';
import { hostname } from 'node:os';
import { domainToASCII } from 'node:url';
import { authenticate, dmarc } from 'mailauth';
import { edit, onMessage, reject, serve, tempfail } from 'rxmilter';

import { authservIdOf, resultsField } from './authentication-results-field.mjs';

/** Whose mail is not checked: our own machines have no SPF record, and what another MX of ours has checked is done. */
const OURS = new BlockList();
OURS.addSubnet('127.0.0.0', 8, 'ipv4');
OURS.addAddress('::1', 'ipv6');

const POLICIES = ['none', 'quarantine', 'reject'];

/** @typedef {(name: string, type: string, signal: AbortSignal) => Promise<any>} LookUp */

/** @type {LookUp} */
async function lookUp(name, type, signal) {
  signal.throwIfAborted();
  // A resolver for each question, since one that is cancelled gives up all that it was asked.
  const dns = new Resolver({ timeout: 2000, tries: 2 });
  signal.addEventListener('abort', () => dns.cancel(), { once: true });
  return dns.resolve(name, type);
}

/**
 * @param {object} options
 * @param {string} [options.authservId] whose results these are: the same on all your MXs, and on nobody else's
 * @param {boolean} [options.enforce] whether mail is refused, or only reported on; begin with the latter
 * @param {readonly string[]} [options.sealers] domains of mailing lists and forwarders whose ARC seal is believed
 * @param {BlockList} [options.ours]
 * @param {LookUp} [options.resolver] asks DNS, and gives up when the signal is aborted
 * @param {number} [options.patience] milliseconds for all of DNS; less than the 8 seconds that a filter has
 */
export function filterWith({
  authservId = hostname(),
  enforce = true,
  sealers = [],
  ours = OURS,
  ...options
}) {
  const { resolver = lookUp, patience = 6000 } = options;
  return onMessage(async (message, { signal }) => {
    const { client, helo = '', sender } = message;
    const ip = client.address ?? '';
    if (isIP(ip) === 0 || ours.check(ip, isIP(ip) === 6 ? 'ipv6' : 'ipv4')) return undefined;

    const field = (/** @type {string | undefined} */ results) =>
      edit(message, ({ headers }) => {
        // What goes by our name and has come from outside is forged (RFC 8601, 5). From the last on, as numbers shift.
        headers
          .getAll('Authentication-Results')
          .map((value, at) => ({ n: at + 1, id: authservIdOf(value) }))
          .filter(({ id }) => id === authservId.toLowerCase())
          .reverse()
          .forEach(({ n }) => headers.delete('Authentication-Results', n));
        if (results !== undefined) headers.prepend('Authentication-Results', results);
      });
    // Those who have logged in may be anywhere, and from where they are no SPF record lets them send.
    if (message.auth !== undefined) return field(undefined);

    const enough = AbortSignal.any([signal, AbortSignal.timeout(patience)]);
    const ask = (/** @type {string} */ name, /** @type {string} */ type) => resolver(name, type, enough);
    const { dkim, spf, arc } = await authenticate(message.source(), {
      ...{ ip, helo, sender: sender.address, mta: authservId, resolver: ask },
      ...{ disableDmarc: true, disableBimi: true },
    });
    const passed = {
      spf: spf && spf.status.result === 'pass' ? [spf.domain] : [],
      dkim: dkim.results
        .filter(({ status }) => status.result === 'pass')
        .map((one) => one.signingDomain.toLowerCase()),
    };
    const domains = new Set(dkim.headerFrom.map((author) => domainToASCII(author.replace(/^.*@/s, ''))));
    const [domain = ''] = domains;
    const single = message.headers.count('From') === 1 && domains.size === 1 && domain !== '';
    // Where mail programs show one author and DMARC looks at another there is no protection, so there has to be one domain.
    if (!single && enforce)
      return reject('There has to be one From field, with authors of one domain (RFC 7489, 6.6.1)');
    const verdict = single ? await judge(domain, passed, ask) : { result: 'permerror', wanted: 'none' };

    // A mailing list that changes mail breaks its signatures; its seal says that they were good when the mail came there.
    const sealer =
      arc && arc.status.result === 'pass' ? arc.chain?.at(-1)?.['arc-seal']?.parsed?.d?.value : undefined;
    const vouched =
      sealers.includes(String(sealer)) && arc && arc.authenticationResults?.dmarc?.result === 'pass';
    const wanted = vouched ? 'none' : verdict.wanted;
    if (enforce) {
      // Without an answer from DNS mail is not refused for good, which would be wrong, nor let in, which would be an
      // invitation: it is put off, and the sender tries again.
      const silent = [spf && spf.status, ...dkim.results.map(({ status }) => status)].some(
        (one) => one && one.result === 'temperror',
      );
      if (verdict.result === 'temperror' || (wanted === 'reject' && silent))
        return tempfail({ code: 451, enhanced: '4.4.3', text: `DNS does not tell enough about ${domain}` });
      if (wanted === 'reject') return reject(`Not from ${domain}, which wants such mail refused (DMARC)`);
    }
    return field(
      resultsField(authservId, [
        ...dkim.results.map(({ status, signingDomain, selector }) => ({
          method: 'dkim',
          ...because(status),
          properties: { 'header.d': signingDomain, 'header.s': selector },
        })),
        ...(spf
          ? [
              {
                method: 'spf',
                ...because(spf.status),
                properties: { [sender.address === '' ? 'smtp.helo' : 'smtp.mailfrom']: spf.domain },
              },
            ]
          : []),
        ...(arc ? [{ method: 'arc', ...because(arc.status) }] : []),
        {
          method: 'dmarc',
          result: verdict.result,
          properties: {
            'header.from': domain,
            'policy.dmarc': verdict.result === 'fail' ? wanted : undefined,
          },
        },
      ]),
    );
  });
}

/**
 * What DMARC makes of that, and what the domain wants done.
 *
 * @param {string} domain of the author
 * @param {{ spf: string[], dkim: string[] }} passed the domains that mail is from by SPF, and by signatures
 * @param {(name: string, type: string) => Promise<any>} resolver
 */
async function judge(domain, passed, resolver) {
  const dkimDomains = passed.dkim.map((one) => ({ domain: one }));
  const found = await dmarc({ headerFrom: `@${domain}`, spfDomains: passed.spf, dkimDomains, resolver });
  if (!found) return { result: 'permerror', wanted: 'none' };
  // mailauth 4 takes strict alignment (adkim=s, aspf=s) for relaxed.
  const aligned = (/** @type {'spf' | 'dkim'} */ by) =>
    found.alignment[by].result && (!found.alignment[by].strict || passed[by].includes(domain));
  const fails =
    found.status.result === 'fail' || (found.status.result === 'pass' && !aligned('spf') && !aligned('dkim'));
  if (!fails) return { result: found.status.result, wanted: 'none' };
  // Mail that is not of the percentage gets the next milder policy (RFC 7489, 6.6.4).
  const milder = Math.random() * 100 < (found.pct ?? 100) ? 0 : 1;
  const policy = POLICIES.indexOf(String(found.policy).trim().toLowerCase());
  return { result: 'fail', wanted: POLICIES[Math.max(0, policy - milder)] };
}

/** @param {{ result: string, comment?: string }} status */
function because({ result, comment }) {
  return { result, reason: ['pass', 'none'].includes(result) ? undefined : comment };
}

// Started as a program, and not imported:
if (import.meta.filename === realpathSync(process.argv[1] ?? '.')) {
  const authservId = process.env['AUTHSERV_ID'] ?? hostname();
  const server = await serve(filterWith({ authservId, enforce: process.env['DMARC'] !== 'report' }), {
    listen: process.argv[2] ?? 'inet:8891@127.0.0.1',
    // Signatures may be over every byte of the header: without it a blank more or less would break them.
    leadingSpace: true,
  });
  console.log(`Listening on ${server.address}`);
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void server.close());
}
