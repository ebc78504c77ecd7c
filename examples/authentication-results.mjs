// @ts-check
// Checks SPF, DKIM, DMARC and ARC of mail from outside, says in an Authentication-Results field what it has found, and
// refuses mail that is not from the domain that it says it is from, where that domain wants it refused (DMARC).
//
//   npm install rxmilter rxjs mailauth@4          (mailauth 5 and later need Node 22)
//   AUTHSERV_ID=mx.example.org DMARC=report npx rxmilter serve --listen inet:8891@127.0.0.1 authentication-results.mjs
import { authenticate } from 'mailauth';
import { BlockList, isIP } from 'node:net';
import { hostname } from 'node:os';
import { edit, headerText, onMessage, reject, tempfail } from 'rxmilter';

import { judge } from './authentication-results-dmarc.mjs';
import { systemResolver, withDns } from './authentication-results-dns.mjs';
import { authservIdOf, resultsField } from './authentication-results-field.mjs';

/** Whose mail is not checked: our own machines have no SPF record, and another MX of ours has checked it already. */
const OURS = new BlockList();
OURS.addSubnet('127.0.0.0', 8, 'ipv4');
OURS.addAddress('::1', 'ipv6');

/**
 * @param {object} options
 * @param {string} [options.authservId] whose results these are: the same on all your MXs, and on nobody else's
 * @param {boolean} [options.enforce] whether mail is refused, or only reported on: begin with the latter
 * @param {readonly string[]} [options.sealers] domains of mailing lists and forwarders whose ARC seal is believed
 * @param {BlockList} [options.ours]
 * @param {import('./authentication-results-dns.mjs').MakeResolver} [options.resolver]
 * @param {number} [options.patience] milliseconds for all questions of a message; RFC 7208 (4.6.4) wants 20 seconds at least
 */
export function filterWith(options) {
  const { authservId = hostname(), enforce = true, sealers = [], ours = OURS } = options;
  const { resolver = systemResolver, patience = 30_000 } = options;
  return onMessage(async (message, { signal }) => {
    const { auth, client, headers, sender } = message;
    const ip = client.address;
    if (isIP(ip) === 0 || ours.check(ip, isIP(ip) === 6 ? 'ipv6' : 'ipv4')) return undefined;

    // What has come from outside and goes by our name is forged (RFC 8601, 5).
    const forged = headers
      .getAll('Authentication-Results')
      .flatMap((value, at) => (authservIdOf(value) === authservId.toLowerCase() ? at + 1 : []));
    const withResults = (/** @type {string | undefined} */ results) =>
      edit(message, (draft) => {
        // From the last one on: what is behind a deleted one gets another number.
        for (const n of forged.reverse()) draft.headers.delete('Authentication-Results', n);
        if (results !== undefined) draft.headers.prepend('Authentication-Results', results);
      });
    // Those who have logged in may be anywhere, and no SPF record lets them send from there.
    if (auth !== undefined) return withResults(undefined);

    // Each costs a question and a computation; honest mail has a handful.
    if (headers.count('DKIM-Signature') > 50) return reject('Too many signatures');
    const { found, dmarc, unanswered } = await withDns({ resolver, patience, signal }, async (lookUp) => {
      const found = await authenticate(message.source(), {
        ...{ ip, helo: message.helo ?? '', sender: sender.address, mta: authservId, resolver: lookUp },
        ...{ disableDmarc: true, disableBimi: true },
      });
      return { found, dmarc: await judge(found, { froms: headers.count('From'), sealers, lookUp }) };
    });
    const { domain, result, wanted } = dmarc;
    if (enforce) {
      if (result === 'permerror') return reject(`${headerText(dmarc.reason ?? '', 400)} (RFC 7489, 6.6.1)`);
      // Without an answer from DNS mail is not refused for good, as it may be right, nor let in, as it may be forged:
      // the sender's server keeps it and tries again.
      if (result === 'temperror' || (wanted === 'reject' && unanswered))
        return tempfail({ code: 451, enhanced: '4.4.3', text: `DNS does not answer about ${domain}` });
      if (wanted === 'reject')
        return reject(`This is not from ${domain}, which has such mail refused (DMARC)`);
    }
    // Mail to be quarantined is for the mail store to put aside, where its owner looks: policy.dmarc=quarantine.
    return withResults(resultsField(authservId, found, dmarc, sender.address === ''));
  });
}

/** The filter for `rxmilter serve`, and how to serve it. */
export default () => {
  const { AUTHSERV_ID: authservId = hostname(), DMARC } = process.env;
  return filterWith({ authservId, enforce: DMARC !== 'report' });
};
// Signatures may be over every byte of the header, the blank after the colon included.
export const options = { leadingSpace: true };
