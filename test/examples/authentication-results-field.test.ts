import { BlockList } from 'node:net';
import type { ClientMail, MailHeader } from 'rxmilter/mta';
import { describe, expect, it } from 'vitest';

import { authenticate } from './support/authenticate.js';

const AUTHOR: MailHeader = ['From', 'Alice <alice@author.example>'];
/** What an MTA adds by itself. */
const MTA_OWN = ['Received', 'Date', 'Message-Id'];
const AR = 'Authentication-Results';
const FOREIGN: MailHeader = [AR, 'mx.other.example; spf=pass smtp.mailfrom=author.example'];

describe('a forged Authentication-Results in the example that authenticates mail', () => {
  // RFC 8601, 2.2: authserv-id is a token or a quoted-string, with comments and folding around it, in any case
  it.each([
    'mx.example.org; dmarc=pass header.from=author.example',
    'MX.Example.ORG; dmarc=pass header.from=author.example',
    'mx.example.org; none',
    'mx.example.org;none',
    'mx.example.org 1; dmarc=pass',
    'mx.example.org(comment) 1; dmarc=pass',
    '(comment) mx.example.org; dmarc=pass',
    '(one (two; three) \\) four) mx.example.org; dmarc=pass',
    '(") mx.example.org; dmarc=pass',
    '"mx.example.org"; dmarc=pass',
    '"mx\\.example.org"; dmarc=pass',
    '\r\n\tmx.example.org;\r\n\tdmarc=pass',
    '  \t mx.example.org ; dmarc=pass',
    'mx.example.org',
  ])('is removed: %j', async (value) => {
    const { fields } = await authenticate({ headers: [[AR, value], AUTHOR] }, {});
    expect(fields).toEqual([expect.stringMatching(/^mx\.example\.org;\n\tdkim=none;\n\tspf=none /)]);
  });

  it.each([
    '',
    ';',
    '(mx.example.org',
    '(mx.example.org) other.example; none',
    'mx.example.org.evil.example; none',
    'xmx.example.org; none',
    'other.example; dmarc=pass reason="mx.example.org; x"',
  ])('is none where it goes by no name or by that of somebody else: %j', async (value) => {
    const { fields } = await authenticate({ headers: [[AR, value], AUTHOR] }, {});
    expect(fields.slice(1)).toEqual([value]);
  });

  it.each(['postfix', 'sendmail'] as const)('is found among others, behind %s', async (mta) => {
    const forged: MailHeader = [AR, 'mx.example.org; dmarc=pass'];
    const second: MailHeader = [AR, 'list.example; dkim=pass'];
    const headers = [
      forged,
      FOREIGN,
      forged,
      ['authentication-results', 'mx.example.org; spf=pass'],
      AUTHOR,
      second,
      forged,
    ] as const;
    const { headers: delivered, of } = await authenticate({ headers }, {}, { mta });
    const rest = delivered
      .filter(({ name }) => !MTA_OWN.includes(name))
      .map(({ name, value }) => [name, value]);
    expect(rest.slice(1)).toEqual([FOREIGN, AUTHOR, second]);
    expect(of('dmarc')).toEqual(['none']);
  });

  it('stands below our own, which is above everything, the Received of the MTA included (RFC 8601, 4.1)', async () => {
    const { headers } = await authenticate({ headers: [FOREIGN, AUTHOR] }, {});
    expect(headers.map(({ name }) => name)).toEqual([AR, 'Received', AR, 'From']);
  });
});

describe('who is not checked in the example that authenticates mail', () => {
  const forged: MailHeader = [AR, 'mx.example.org; dmarc=pass'];
  const reject = { '_dmarc.author.example': { TXT: ['v=DMARC1; p=reject'] } } as const;
  const mail: Partial<ClientMail> = { headers: [forged, FOREIGN, AUTHOR] };

  it('is refused otherwise', async () => {
    expect((await authenticate(mail, reject)).outcome).toBe('refused');
  });

  it.each([
    ['127.0.0.1', 'inet'],
    ['127.9.9.9', 'inet'],
    ['::1', 'inet6'],
  ] as const)('our own machine at %s, whose results stay', async (address, family) => {
    const { outcome, fields } = await authenticate({ ...mail, client: { address, family } }, reject);
    expect([outcome, fields]).toEqual(['delivered', [forged[1], FOREIGN[1]]]);
  });

  it('who is in our networks', async () => {
    const ours = new BlockList();
    ours.addSubnet('2001:db8::', 32, 'ipv6');
    ours.addSubnet('192.0.2.0', 24, 'ipv4');
    for (const client of [{ address: '2001:db8::9', family: 'inet6' }, { address: '192.0.2.77' }] as const) {
      expect((await authenticate({ ...mail, client }, reject, { ours })).outcome).toBe('delivered');
    }
    const elsewhere = { address: '2001:db9::9', family: 'inet6' } as const;
    expect((await authenticate({ ...mail, client: elsewhere }, reject, { ours })).outcome).toBe('refused');
  });

  it('a local program', async () => {
    const client = { family: 'unix', address: '/run/x' } as const;
    expect((await authenticate({ ...mail, client }, reject)).outcome).toBe('delivered');
  });

  it('who has logged in, but a forgery goes', async () => {
    const { outcome, fields } = await authenticate({ ...mail, auth: { user: 'alice' } }, reject);
    expect([outcome, fields]).toEqual(['delivered', [FOREIGN[1]]]);
  });
});

describe('the field of the example that authenticates mail', () => {
  it('has what it has found, each result on a line', async () => {
    const { fields } = await authenticate(
      {},
      {
        'author.example': { TXT: ['v=spf1 ip4:192.0.2.1 -all'] },
        '_dmarc.author.example': { TXT: ['v=DMARC1; p=reject'] },
      },
    );
    expect(fields).toEqual([
      'mx.example.org;\n\tdkim=none;\n\tspf=pass smtp.mailfrom=author.example;\n\tarc=none;\n\tdmarc=pass header.from=author.example',
    ]);
  });

  const signature = (d: string, s: string): MailHeader => [
    'DKIM-Signature',
    `v=1; a=rsa-sha256; c=relaxed/relaxed; d=${d}; s=${s}; h=from; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA`,
  ];

  it.each<[string, Partial<ClientMail>]>([
    ['a sender', { sender: '"x; dmarc=pass (\\""@evil.example' }],
    ['a domain of a sender', { sender: 'a@evil.example; dmarc=pass header.from=author.example (' }],
    ['a name in HELO', { sender: '', helo: 'evil.example; dmarc=pass (' }],
    ['a signature', { headers: [signature('evil.example dmarc=pass (', '"s\\'), AUTHOR] }],
    ['a selector', { headers: [signature('evil.example', '"a" dmarc=pass'), AUTHOR] }],
    ['a selector with a quote', { headers: [signature('evil.example', 'a"b\\'), AUTHOR] }],
    [
      'a signature over lines',
      { headers: [signature('evil.example\r\n\tdmarc=pass (', 's\r\n\tx=y'), AUTHOR] },
    ],
    [
      'something without ASCII',
      { sender: 'bücher@bücher.example', headers: [signature('bücher.example', 'é'), AUTHOR] },
    ],
    ['an author', { headers: [['From', '"; dmarc=pass" <a@author.example>']] }],
    ['a domain of an author', { headers: [['From', '<a@author.example; dmarc=pass (>']] }],
    ['a comment in an author', { headers: [['From', 'a@evil.example (x); dmarc=pass']] }],
  ])('cannot be forged by way of %s', async (_what, mail) => {
    const { results, fields } = await authenticate(mail, {}, { enforce: false });
    expect(results.map(({ method }) => method)).toEqual(['dkim', 'spf', 'arc', 'dmarc']);
    expect(results.map(({ result }) => result)).not.toContain('pass');
    expect(fields[0]).toMatch(/^[ -~\t\n]+$/);
  });
});
