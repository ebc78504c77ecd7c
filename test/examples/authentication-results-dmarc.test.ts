import { dkimSign } from 'mailauth';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type MailHeader, parseEml } from 'rxmilter/mta';
import { describe, expect, it } from 'vitest';

import { authenticate } from './support/authenticate.js';
import type { DnsName } from './support/dns-table.js';

/** Signed and sealed by dkimpy 1.1.4, with a key that nobody has any more. */
const fixture = (name: string): Buffer => readFileSync(new URL(`fixtures/${name}`, import.meta.url));
const From = (...values: string[]): { headers: MailHeader[] } => ({
  headers: values.map((value) => ['From', value] as const),
});
const dmarc = (record: string, domain = 'author.example'): Record<string, DnsName> => ({
  [`_dmarc.${domain}`]: { TXT: [record] },
});
/** Mail from the default client passes SPF for that domain. */
const spf = (...domains: string[]): Record<string, DnsName> =>
  Object.fromEntries(domains.map((domain) => [domain, { TXT: ['v=spf1 ip4:192.0.2.1 -all'] }]));

describe('DMARC in the example that authenticates mail', () => {
  it.each([
    ['v=DMARC1; p=none', 'none'],
    ['v=DMARC1; p=quarantine', 'quarantine'],
    ['v=DMARC1; p=nonsense; rua=mailto:x@author.example', 'none'],
    // RFC 7489, 6.6.4: what is not of the percentage gets the next milder policy
    ['v=DMARC1; p=reject; pct=0', 'quarantine'],
    ['v=DMARC1; p=quarantine; pct=0', 'none'],
  ])('lets mail that fails pass at %s, and says so: %s', async (record, policy) => {
    const { outcome, results } = await authenticate({}, dmarc(record));
    expect(outcome).toBe('delivered');
    expect(results.find(({ method }) => method === 'dmarc')).toEqual({
      method: 'dmarc',
      result: 'fail',
      properties: { 'header.from': 'author.example', 'policy.dmarc': policy },
    });
  });

  it.each(['v=DMARC1; p=reject', 'v=DMARC1; p=Reject; pct=100', 'v=DMARC1;p=reject;sp=none'])(
    'refuses mail that fails at %s',
    async (record) => {
      const { outcome, text } = await authenticate({}, dmarc(record));
      expect([outcome, text]).toEqual([
        'refused',
        '550 5.7.1 This is not from author.example, which has such mail refused (DMARC)',
      ]);
    },
  );

  it('only reports it where it is told to', async () => {
    const { outcome, of, results } = await authenticate({}, dmarc('v=DMARC1; p=reject'), { enforce: false });
    expect([outcome, of('dmarc')]).toEqual(['delivered', ['fail']]);
    expect(results.at(-1)?.properties['policy.dmarc']).toBe('reject');
  });

  it('finds nothing where there is no record, or are two', async () => {
    expect((await authenticate({}, {})).of('dmarc')).toEqual(['none']);
    const two = { '_dmarc.author.example': { TXT: ['v=DMARC1; p=reject', 'v=DMARC1; p=none'] } };
    expect((await authenticate({}, two)).of('dmarc')).toEqual(['none']);
  });

  // RFC 7489, B.1: the author, the sender, how strict, the result
  it.each([
    ['example.com', 'example.com', '', 'pass'],
    ['example.com', 'child.example.com', '', 'pass'],
    ['child.example.com', 'example.com', '', 'pass'],
    ['example.com', 'example.net', '', 'fail'],
    ['example.com', 'child.example.com', '; aspf=s', 'fail'],
    ['example.com', 'example.com', '; aspf=s', 'pass'],
    ['example.com', 'child.example.com', '; adkim=s', 'pass'],
    ['EXAMPLE.com', 'example.COM', '; aspf=s', 'pass'],
  ])('compares the author at %s with the sender at %s%s: %s', async (author, sender, strict, result) => {
    const mail = { ...From(`a@${author}`), sender: `s@${sender}` };
    const dns = {
      ...spf('example.com', 'child.example.com', 'example.net'),
      ...dmarc(`v=DMARC1; p=none${strict}`, 'example.com'),
    };
    const { of } = await authenticate(mail, dns);
    expect(of('spf')).toEqual(['pass']);
    expect(of('dmarc')).toEqual([result]);
  });

  // The same for signatures: the author, who has signed, how strict, the result
  it.each([
    ['example.com', 'example.com', '; adkim=s', 'pass'],
    ['example.com', 'football.example.com', '', 'pass'],
    ['football.example.com', 'example.com', '', 'pass'],
    ['example.com', 'football.example.com', '; adkim=s', 'fail'],
    ['example.com', 'example.net', '', 'fail'],
  ])('compares the author at %s with the signature of %s%s: %s', async (author, signer, strict, result) => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const key = {
      signingDomain: signer,
      selector: 's',
      privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    };
    const mail = `From: a@${author}\r\nSubject: x\r\n\r\nHello\r\n`;
    const { signatures } = await dkimSign(mail, { ...key, signatureData: [key] });
    const p = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('base64');
    const { of } = await authenticate(
      { sender: 's@bounces.example', ...parseEml(signatures + mail) },
      {
        [`s._domainkey.${signer}`]: { TXT: [`v=DKIM1; k=ed25519; p=${p}`] },
        ...dmarc(`v=DMARC1; p=none${strict}`, 'example.com'),
      },
    );
    expect(of('dkim')).toEqual(['pass']);
    expect(of('dmarc')).toEqual([result]);
  });

  it('asks the organisational domain where a subdomain says nothing, and takes its sp (RFC 7489, 6.6.3)', async () => {
    const mail = From('a@sub.author.example');
    expect((await authenticate(mail, dmarc('v=DMARC1; p=reject'))).outcome).toBe('refused');
    expect((await authenticate(mail, dmarc('v=DMARC1; p=none; sp=reject'))).outcome).toBe('refused');
    expect((await authenticate(mail, dmarc('v=DMARC1; p=reject; sp=none'))).outcome).toBe('delivered');
  });

  it('finds an internationalised domain', async () => {
    const dns = dmarc('v=DMARC1; p=reject', 'xn--bcher-kva.example');
    expect((await authenticate(From('a@bücher.example'), dns)).outcome).toBe('refused');
  });
});

describe('a message without one author in the example that authenticates mail', () => {
  const good = { ...spf('author.example'), ...dmarc('v=DMARC1; p=reject') };
  it.each([
    ['no From', From()],
    ['two From', From('a@author.example', 'b@author.example')],
    ['a second From, of another domain', From('a@author.example', 'ceo@bank.example')],
    ['an empty From', From('')],
    ['a From without an address', From('Alice')],
    ['a group without members', From('Undisclosed:;')],
    ['authors of two domains', From('a@author.example, ceo@bank.example')],
  ])('is refused: %s', async (_what, mail) => {
    const { outcome, text } = await authenticate(mail, good);
    expect([outcome, text]).toEqual([
      'refused',
      '550 5.7.1 There has to be one From field, with authors of one domain (RFC 7489, 6.6.1)',
    ]);
    const reported = await authenticate(mail, good, { enforce: false });
    expect([reported.outcome, reported.of('dmarc')]).toEqual(['delivered', ['permerror']]);
  });

  it('may have two authors of one domain', async () => {
    const { outcome, of } = await authenticate(From('a@author.example, B <b@Author.example>'), good);
    expect([outcome, of('dmarc')]).toEqual(['delivered', ['pass']]);
  });
});

describe('ARC in the example that authenticates mail', () => {
  const key = { TXT: [fixture('key-record.txt').toString().trim()] };
  const dns = {
    's._domainkey.list.example': key,
    'a._domainkey.author.example': key,
    ...dmarc('v=DMARC1; p=reject'),
  };
  const eml = fixture('sealed-by-list.eml').toString();
  const list = { sender: 'list-bounces@list.example', ...parseEml(eml) };

  it('finds the seal of a mailing list good', async () => {
    const { of } = await authenticate(list, dns, { enforce: false });
    expect([of('arc'), of('dkim'), of('dmarc')]).toEqual([
      ['pass'],
      [expect.not.stringMatching('pass')],
      ['fail'],
    ]);
  });

  it('lets in what a list that is believed found good, and nobody else', async () => {
    const { outcome, results } = await authenticate(list, dns, { sealers: ['list.example'] });
    expect(outcome).toBe('delivered');
    expect(results.at(-1)).toMatchObject({ result: 'fail', properties: { 'policy.dmarc': 'none' } });
    expect((await authenticate(list, dns)).outcome).toBe('refused');
    expect((await authenticate(list, dns, { sealers: ['other.example'] })).outcome).toBe('refused');
  });

  it.each([
    ['what it found was changed', eml.replace('spf=pass', 'spf=fail')],
    ['the subject was changed afterwards', eml.replace('[list] Lunch', '[list] Dinner')],
    ['the body was changed afterwards', eml.replace('hungry', 'angry')],
    ['a part of it is missing', eml.replace(/^ARC-Auth[^]*?(?=^DKIM)/m, '')],
  ])('finds it bad where %s', async (_what, text) => {
    expect(text).not.toBe(eml);
    const mail = { ...list, ...parseEml(text) };
    const { of } = await authenticate(mail, dns, { enforce: false, sealers: ['list.example'] });
    expect(of('arc')).toEqual(['fail']);
    expect((await authenticate(mail, dns, { sealers: ['list.example'] })).outcome).toBe('refused');
  });

  it('finds it bad where its key cannot be had (RFC 8617, 5.2)', async () => {
    const silent = { ...dns, 's._domainkey.list.example': 'ETIMEOUT' } as const;
    expect((await authenticate(list, silent, { enforce: false })).of('arc')).toEqual(['fail']);
  });

  it('says none where there is no seal', async () => {
    expect((await authenticate({}, {})).of('arc')).toEqual(['none']);
  });
});
