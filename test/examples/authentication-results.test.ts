import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseEml } from 'rxmilter/mta';
import { describe, expect, it } from 'vitest';

import { authenticate } from './support/authenticate.js';
import type { DnsName } from './support/dns-table.js';
import { RFC_8463_KEYS, RFC_8463_MESSAGE } from './support/rfc8463.js';

/** Signed and sealed by dkimpy 1.1.4, with a key that nobody has any more. */
const fixture = (name: string): Buffer => readFileSync(new URL(`fixtures/${name}`, import.meta.url));

/** The zones of RFC 7208, appendix A, and a record for example.com. */
const rfc7208 = (...records: string[]): Record<string, DnsName> => ({
  'example.com': {
    TXT: records,
    MX: ['mail-a.example.com', 'mail-b.example.com'],
    A: ['192.0.2.10', '192.0.2.11'],
  },
  'amy.example.com': { A: ['192.0.2.65'] },
  'bob.example.com': { A: ['192.0.2.66'] },
  'mail-a.example.com': { A: ['192.0.2.129'] },
  'mail-b.example.com': { A: ['192.0.2.130'] },
  'example.org': { MX: ['mail-c.example.org'] },
  'mail-c.example.org': { A: ['192.0.2.140'] },
  '10.2.0.192.in-addr.arpa': { PTR: ['example.com'] },
  '11.2.0.192.in-addr.arpa': { PTR: ['example.com'] },
  '65.2.0.192.in-addr.arpa': { PTR: ['amy.example.com'] },
  '66.2.0.192.in-addr.arpa': { PTR: ['bob.example.com'] },
  '129.2.0.192.in-addr.arpa': { PTR: ['mail-a.example.com'] },
  '130.2.0.192.in-addr.arpa': { PTR: ['mail-b.example.com'] },
  '140.2.0.192.in-addr.arpa': { PTR: ['mail-c.example.org'] },
  '4.0.0.10.in-addr.arpa': { PTR: ['bob.example.com'] },
});

const from = (address: string): object => ({
  client: { family: address.includes(':') ? 'inet6' : 'inet', address },
});

describe('SPF in the example that authenticates mail', () => {
  it.each([
    // RFC 7208, A.1
    ['v=spf1 +all', '203.0.113.9', 'pass'],
    ['v=spf1 a -all', '192.0.2.10', 'pass'],
    ['v=spf1 a -all', '192.0.2.11', 'pass'],
    ['v=spf1 a -all', '192.0.2.65', 'fail'],
    ['v=spf1 a:example.org -all', '192.0.2.10', 'fail'],
    ['v=spf1 mx -all', '192.0.2.129', 'pass'],
    ['v=spf1 mx -all', '192.0.2.10', 'fail'],
    ['v=spf1 mx:example.org -all', '192.0.2.140', 'pass'],
    ['v=spf1 mx mx:example.org -all', '192.0.2.130', 'pass'],
    ['v=spf1 mx/30 mx:example.org/30 -all', '192.0.2.131', 'pass'],
    ['v=spf1 mx/30 mx:example.org/30 -all', '192.0.2.143', 'pass'],
    ['v=spf1 mx/30 mx:example.org/30 -all', '192.0.2.144', 'fail'],
    ['v=spf1 ptr -all', '192.0.2.65', 'pass'],
    ['v=spf1 ptr -all', '192.0.2.140', 'fail'],
    ['v=spf1 ptr -all', '10.0.0.4', 'fail'],
    ['v=spf1 ip4:192.0.2.128/28 -all', '192.0.2.129', 'pass'],
    ['v=spf1 ip4:192.0.2.128/28 -all', '192.0.2.65', 'fail'],
    // the other qualifiers (4.6.2), what none is (4.5), and IPv6
    ['v=spf1 ~all', '192.0.2.65', 'softfail'],
    ['v=spf1 ?all', '192.0.2.65', 'neutral'],
    ['v=spf1 a', '192.0.2.65', 'neutral'],
    ['v=spf10 -all', '192.0.2.65', 'none'],
    ['v=spf1 ip6:2001:db8::/32 -all', '2001:db8::25', 'pass'],
    ['v=spf1 ip6:2001:db8::/32 -all', '2001:db9::25', 'fail'],
    // 4.6: what is no record
    ['v=spf1 nonsense:x -all', '192.0.2.65', 'permerror'],
  ])('finds of %s for %s: %s', async (record, address, result) => {
    const mail = {
      ...from(address),
      sender: 'a@example.com',
      headers: [['From', 'a@other.example']] as const,
    };
    const { outcome, results } = await authenticate(mail, rfc7208(record));
    expect(outcome).toBe('delivered');
    expect(results.filter(({ method }) => method === 'spf')).toMatchObject([
      { result, properties: { 'smtp.mailfrom': 'example.com' } },
    ]);
  });

  it('finds an error in two records (RFC 7208, 4.5)', async () => {
    const dns = rfc7208('v=spf1 +all', 'v=spf1 -all');
    const { of } = await authenticate({ sender: 'a@example.com' }, dns);
    expect(of('spf')).toEqual(['permerror']);
  });

  it('looks at the name in HELO where the sender is empty (RFC 7208, 2.4)', async () => {
    const mail = { ...from('192.0.2.129'), sender: '', helo: 'mail-a.example.com' };
    const dns = { ...rfc7208(), 'mail-a.example.com': { TXT: ['v=spf1 a -all'], A: ['192.0.2.129'] } };
    const { results } = await authenticate(mail, dns);
    expect(results.find(({ method }) => method === 'spf')).toEqual({
      method: 'spf',
      result: 'pass',
      properties: { 'smtp.helo': 'mail-a.example.com' },
    });
  });
});

describe('DKIM in the example that authenticates mail', () => {
  const signed = parseEml(RFC_8463_MESSAGE);
  const mail = { sender: 'joe@football.example.com', ...signed };
  const simple = parseEml(fixture('signed-simple.eml'));
  const key = { 'a._domainkey.author.example': { TXT: [fixture('key-record.txt').toString().trim()] } };

  it('finds the signatures of RFC 8463 good, by Ed25519 and by RSA', async () => {
    const { results } = await authenticate(mail, RFC_8463_KEYS);
    expect(results.filter(({ method }) => method === 'dkim')).toEqual([
      {
        method: 'dkim',
        result: 'pass',
        properties: { 'header.d': 'football.example.com', 'header.s': 'brisbane' },
      },
      {
        method: 'dkim',
        result: 'pass',
        properties: { 'header.d': 'football.example.com', 'header.s': 'test' },
      },
    ]);
  });

  it('finds them not good where the body was changed, or a signed field', async () => {
    const body = signed.body.toString().replace('hungry', 'angry');
    const headers = signed.headers.map(([name, value, raw]) =>
      name === 'Subject' ? ([name, 'Is supper ready?'] as const) : ([name, value, raw] as const),
    );
    expect((await authenticate({ ...mail, body }, RFC_8463_KEYS)).of('dkim')).not.toContain('pass');
    expect((await authenticate({ ...mail, headers }, RFC_8463_KEYS)).of('dkim')).toEqual(['fail', 'fail']);
  });

  it('minds no blanks where the signature is relaxed', async () => {
    const headers = signed.headers.map(([name, value, raw]) =>
      name === 'Subject'
        ? ([name, '', Buffer.from('Is   dinner\r\n ready?  ')] as const)
        : ([name, value, raw] as const),
    );
    expect((await authenticate({ ...mail, headers }, RFC_8463_KEYS)).of('dkim')).toEqual(['pass', 'pass']);
  });

  it.each(['postfix', 'sendmail'] as const)('sees every byte of the header, as %s has it', async (mta) => {
    expect((await authenticate(simple, key, { mta })).of('dkim')).toEqual(['pass']);
  });

  it('could not without leadingSpace', async () => {
    expect((await authenticate(simple, key, { leadingSpace: false })).of('dkim')).not.toContain('pass');
  });

  it('finds nothing in mail that is not signed', async () => {
    expect((await authenticate({}, {})).of('dkim')).toEqual(['none']);
  });

  it.each<[string, DnsName | undefined, string]>([
    ['there is no key', undefined, 'pass'],
    ['the key is revoked', { TXT: ['v=DKIM1; k=rsa; p='] }, 'pass'],
    ['the key is nonsense', { TXT: ['v=DKIM1; k=rsa; p=!'] }, 'pass'],
  ])('lets no signature pass where %s', async (_what, record, unwanted) => {
    const dns = record === undefined ? {} : { 'a._domainkey.author.example': record };
    expect((await authenticate(simple, dns)).of('dkim')).not.toContain(unwanted);
  });

  it('lets no signature pass that leaves the author out (RFC 6376, 6.1.1)', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const p = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('base64');
    const text = 'From: alice@author.example\r\nSubject: x\r\nResent-From: y\r\n\r\nHello\r\n';
    const hash = createHash('sha256').update('Hello\r\n').digest('base64');
    const value = `v=1; a=ed25519-sha256; c=relaxed/simple; d=author.example; s=s; h=Subject:Resent-From; bh=${hash}; b=`;
    // RFC 6376, 3.7: the fields of h=, the last first where there are several, and the signature itself
    const signedData = `subject:x\r\nresent-from:y\r\ndkim-signature:${value}`;
    const b = sign(null, createHash('sha256').update(signedData).digest(), pem).toString('base64');
    const { outcome, of } = await authenticate(
      { sender: 'x@elsewhere.example', ...parseEml(`DKIM-Signature: ${value}${b}\r\n${text}`) },
      {
        's._domainkey.author.example': { TXT: [`v=DKIM1; k=ed25519; p=${p}`] },
        '_dmarc.author.example': { TXT: ['v=DMARC1; p=none'] },
      },
    );
    expect([outcome, of('dkim'), of('dmarc')]).toEqual(['delivered', ['permerror'], ['fail']]);
  });

  it('looks at so many signatures and no more', async () => {
    const [, second] = signed.headers;
    if (second === undefined) throw new Error('there are two');
    const many = (count: number): Promise<{ outcome: string }> =>
      authenticate(
        { ...mail, headers: [...Array.from({ length: count - 2 }, () => second), ...signed.headers] },
        RFC_8463_KEYS,
      );
    expect((await many(50)).outcome).toBe('delivered');
    expect((await many(51)).outcome).toBe('refused');
  });

  it('says where DNS has failed', async () => {
    const dns = { 'a._domainkey.author.example': 'ESERVFAIL' } as const;
    expect((await authenticate(simple, dns)).of('dkim')).toEqual(['temperror']);
  });
});
