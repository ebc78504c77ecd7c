// @ts-check
// Signs mail that goes out with DKIM (RFC 6376), after another filter has changed its subject.
//
//   npm install rxmilter rxjs mailauth@4 nodemailer          (mailauth 5 and later need Node 22)
//   export DKIM_DOMAIN=example.org DKIM_SELECTOR=2026 DKIM_KEY=/etc/dkim/2026.pem
//   npx rxmilter serve --listen inet:8891@127.0.0.1 dkim-signing.mjs
//
// The public key stands in DNS, as a TXT record of 2026._domainkey.example.org.
import { dkimSign } from 'mailauth';
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { BlockList, isIP } from 'node:net';
import { compose, edit, headerText, onMessage } from 'rxmilter';

/** Whose mail is ours though nobody has logged in: machines that send by themselves. */
const OURS = new BlockList();
OURS.addSubnet('127.0.0.0', 8, 'ipv4');
OURS.addAddress('::1', 'ipv6');

/**
 * @param {object} options
 * @param {string} options.domain whose mail is signed, by the From field; in ASCII
 * @param {string} options.selector by which name the public key is found
 * @param {string} options.privateKey PEM, RSA or Ed25519
 * @param {BlockList} [options.ours] the networks whose mail is signed though nobody has logged in
 * @param {string} [options.canonicalization] what may change on the way: relaxed lets blanks change, simple nothing
 */
export function filterWith({
  domain,
  selector,
  privateKey,
  ours = OURS,
  canonicalization = 'relaxed/relaxed',
}) {
  /** @param {Pick<import('rxmilter').Message<'none'>, 'auth' | 'client'>} message */
  const isOutbound = ({ auth, client: { address } }) =>
    auth !== undefined || (isIP(address) !== 0 && ours.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4'));

  const markConfidential = onMessage({ body: 'none' }, (message) => {
    const subject = message.headers.field('Subject')?.value ?? '';
    const confidential = /^company-confidential$/i.test(message.headers.get('Sensitivity')?.trim() ?? '');
    if (!isOutbound(message) || !confidential || subject.includes('[confidential]')) return undefined;
    return edit(
      message,
      ({ headers }) => void headers.set('Subject', `[confidential] ${headerText(subject)}`),
    );
  });

  // Last: it signs the message as the filters before it want it to be, and nothing may change it afterwards.
  const sign = onMessage(async (message) => {
    // A signature by a domain that is not the author's is of no use to DMARC.
    const authors = message.headers.addresses('From');
    if (!isOutbound(message) || authors.length === 0 || authors.some((one) => one.domain !== domain))
      return undefined;

    const key = { signingDomain: domain, selector, privateKey };
    // The key twice, because the types of mailauth want it where it is not read. The time, because mailauth 4 looks at
    // the clock twice, and a signature is broken where a second has begun in between.
    const options = { ...key, canonicalization, signTime: new Date(), signatureData: [key] };
    const { signatures, errors } = await dkimSign(message.source(), options);
    // An error puts the mail off. Without a signature it could be refused elsewhere, for good.
    if (errors.length > 0) throw new Error(`It cannot be signed for ${domain}`, { cause: errors[0] });
    const value = signatures
      .trim()
      .replace(/^DKIM-Signature: /, '')
      .replaceAll('\r\n', '\n');
    return edit(message, ({ headers }) => void headers.prepend('DKIM-Signature', value));
  });

  return compose(markConfidential, sign);
}

function isKey(/** @type {string} */ pem) {
  try {
    return ['rsa', 'ed25519'].includes(createPrivateKey(pem).asymmetricKeyType ?? '');
  } catch {
    return false;
  }
}

/** The filter for `rxmilter serve`, and how to serve it. */
export default () => {
  const { DKIM_DOMAIN: domain, DKIM_SELECTOR: selector, DKIM_KEY: file } = process.env;
  if (!domain || !selector || !file)
    throw new Error('DKIM_DOMAIN, DKIM_SELECTOR and DKIM_KEY (a file) have to be set');
  const privateKey = readFileSync(file, 'utf8');
  // To be found out now, and not by the first mail.
  if (!isKey(privateKey)) throw new Error(`${file} is no private key, RSA or Ed25519, in PEM`);
  return filterWith({ domain, selector, privateKey });
};
// What is signed has to be what is sent, byte by byte. Otherwise nobody knows whether there is a blank after a colon: the
// MTA takes one away from what it shows.
export const options = { leadingSpace: true };
