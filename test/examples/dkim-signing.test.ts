import { dkimVerify } from 'mailauth';
import { generateKeyPairSync } from 'node:crypto';
import { BlockList } from 'node:net';
import { deliver, type Delivery, type ClientMail, type MailHeader, type MtaKind } from 'rxmilter/mta';
import { contract } from 'rxmilter/testing';
import { describe, expect, it, vi } from 'vitest';

import { filterWith } from '../../examples/dkim-signing.mjs';
import { dnsTable } from './support/dns-table.js';

const PEM = { type: 'pkcs8', format: 'pem' } as const;
const DER = { type: 'spki', format: 'der' } as const;
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ed25519 = generateKeyPairSync('ed25519');
const KEYS = {
  rsa: {
    privateKey: rsa.privateKey.export(PEM).toString(),
    record: `v=DKIM1; k=rsa; p=${rsa.publicKey.export(DER).toString('base64')}`,
  },
  // RFC 8463, 4.2: the key alone, without what says that it is one
  ed25519: {
    privateKey: ed25519.privateKey.export(PEM).toString(),
    record: `v=DKIM1; k=ed25519; p=${ed25519.publicKey.export(DER).subarray(-32).toString('base64')}`,
  },
};
const HEADERS: MailHeader[] = [
  ['From', 'Alice <alice@example.org>'],
  ['To', 'bob@example.net'],
  ['Subject', 'Lunch'],
  ['Date', 'Mon, 02 Nov 2026 10:00:00 +0000'],
  ['Message-ID', '<1@example.org>'],
];
const replace = (...changes: MailHeader[]): MailHeader[] =>
  HEADERS.map((field) => changes.find(([name]) => name === field[0]) ?? field);

interface Options {
  readonly kind?: keyof typeof KEYS;
  readonly mta?: MtaKind;
  readonly canonicalization?: string;
  readonly ours?: BlockList;
  readonly privateKey?: string;
  readonly leadingSpace?: boolean;
  /** Nobody has logged in. */
  readonly anonymous?: boolean;
}

interface Signed extends Delivery {
  /** What each signature on it is worth, the topmost first. */
  readonly results: readonly string[];
  readonly signatures: readonly string[];
  readonly errors: readonly unknown[];
}

/** Gives the filter of the example a message as an MTA would, and verifies what is delivered. */
async function sign(mail: Partial<ClientMail>, options: Options = {}): Promise<Signed> {
  const { kind = 'rsa', mta, anonymous = false, leadingSpace = true, ...given } = options;
  const { privateKey, record } = KEYS[kind];
  const errors: unknown[] = [];
  const delivery = await deliver(
    {
      sender: 'alice@example.org',
      recipients: ['bob@example.net'],
      headers: HEADERS,
      body: 'At noon?\n',
      ...(anonymous ? {} : { auth: { user: 'alice' } }),
      ...mail,
    },
    {
      to: filterWith({ domain: 'example.org', selector: 's1', privateKey, ...given }),
      session: { leadingSpace },
      outcome: ({ error }) => {
        if (error !== undefined) errors.push(error);
      },
      ...(mta === undefined ? {} : { mta }),
    },
  );
  expect(delivery.failure).toBeUndefined();
  const resolver = dnsTable({ 's1._domainkey.example.org': { TXT: [record] } })();
  const { results } = await dkimVerify(delivery.message, { resolver });
  return {
    ...delivery,
    results: results.map(({ status }) => status.result),
    signatures: delivery.headers.filter(({ name }) => name === 'DKIM-Signature').map(({ value }) => value),
    errors,
  };
}

/** The tags of a signature (RFC 6376, 3.2). */
function tags(signature = ''): Record<string, string> {
  return Object.fromEntries(
    signature.split(';').map((tag) => {
      const [name = '', ...value] = tag.trim().split('=');
      return [name, value.join('=').replace(/\s/g, '')];
    }),
  );
}

describe('the example that signs mail', () => {
  it.each(['rsa', 'ed25519'] as const)('signs with a key of %s', async (kind) => {
    const { outcome, results, signatures, headers } = await sign({}, { kind });
    expect([outcome, results, headers[0]?.name]).toEqual(['delivered', ['pass'], 'DKIM-Signature']);
    expect(tags(signatures[0])).toMatchObject({
      v: '1',
      a: `${kind}-sha256`,
      c: 'relaxed/relaxed',
      d: 'example.org',
      s: 's1',
    });
    const fields = tags(signatures[0]).h?.toLowerCase().split(':');
    expect(fields?.sort()).toEqual(['date', 'from', 'message-id', 'subject', 'to']);
  });

  it.each(['postfix', 'sendmail'] as const)(
    'signs what earlier filters have changed, behind %s',
    async (mta) => {
      const headers: MailHeader[] = [...HEADERS, ['Sensitivity', 'Company-Confidential']];
      const { results, headers: delivered } = await sign({ headers }, { mta });
      expect(results).toEqual(['pass']);
      expect(delivered.find(({ name }) => name === 'Subject')?.value).toBe('[confidential] Lunch');
    },
  );

  it('tags a subject once, in its place, and makes one line of it', async () => {
    const sensitive = (subject: string): Partial<ClientMail> => ({
      headers: [...replace(['Subject', subject]), ['sensitivity', ' company-confidential ']],
    });
    const subject = ({ headers }: Signed): string[] =>
      headers.filter(({ name }) => name === 'Subject').map(({ value }) => value);
    expect(subject(await sign(sensitive('one\r\n two')))).toEqual(['[confidential] one two']);
    expect(subject(await sign(sensitive('Re: [confidential] one')))).toEqual(['Re: [confidential] one']);
    const without = {
      headers: [
        ...HEADERS.filter(([name]) => name !== 'Subject'),
        ['Sensitivity', 'Company-Confidential'],
      ] as const,
    };
    const { results, ...added } = await sign(without);
    expect([results, subject({ results, ...added })]).toEqual([['pass'], ['[confidential] ']]);
    expect(subject(await sign({ headers: [...HEADERS, ['Sensitivity', 'Personal']] }))).toEqual(['Lunch']);
  });

  it.each(['postfix', 'sendmail'] as const)('signs every byte, behind %s', async (mta) => {
    const headers: MailHeader[] = [
      ['From', '', Buffer.from('Alice <alice@example.org>')],
      ['To', '', Buffer.from('  bob@example.net')],
      ['Subject', '', Buffer.from('\tone \r\n\ttwo  ')],
      ['Date', 'Mon, 02 Nov 2026 10:00:00 +0000'],
      ['Message-ID', '<1@example.org>'],
      ['Sensitivity', 'Personal'],
    ];
    for (const canonicalization of ['simple/simple', 'relaxed/simple', 'relaxed/relaxed']) {
      const { results, signatures } = await sign({ headers }, { mta, canonicalization });
      expect([results, tags(signatures[0]).c]).toEqual([['pass'], canonicalization]);
    }
  });

  it('cannot do that without leadingSpace, which shows the blank after the colon', async () => {
    const headers = replace(['Subject', '', Buffer.from('Lunch')]);
    const simple = { canonicalization: 'simple/simple', leadingSpace: false };
    expect((await sign({ headers }, simple)).results).not.toContain('pass');
    expect((await sign({ headers }, { ...simple, leadingSpace: true })).results).toEqual(['pass']);
  });

  it.each<[string, Uint8Array | string]>([
    ['an empty body', ''],
    ['empty lines at the end', 'Hello\r\n\r\n\r\n'],
    ['only empty lines', '\r\n\r\n'],
    ['blanks and dots', '.\r\n..\r\n \t \r\nx  y \r\n'],
    ['bytes of no character set', Buffer.from('Gr\xfc\xdfe \x80\xff\r\n', 'latin1')],
    ['a megabyte', `${'x'.repeat(76)}\r\n`.repeat(14_000)],
  ])('signs %s', async (_what, body) => {
    expect((await sign({ body })).results).toEqual(['pass']);
    expect((await sign({ body }, { canonicalization: 'simple/simple' })).results).toEqual(['pass']);
  });

  it('signs while a second begins', async () => {
    let now = Date.now();
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => (now += 1000));
    try {
      expect((await sign({})).results).toEqual(['pass']);
    } finally {
      clock.mockRestore();
    }
  });

  it('puts its signature above those that are there', async () => {
    const other: MailHeader = [
      'DKIM-Signature',
      'v=1; a=rsa-sha256; d=list.example; s=x; h=from; bh=AAAA; b=AAAA',
    ];
    const { signatures, results } = await sign({ headers: [other, ...HEADERS] });
    expect(signatures.map((one) => tags(one).d)).toEqual(['example.org', 'list.example']);
    expect(results[0]).toBe('pass');
  });

  it('makes a signature that is broken by a change', async () => {
    const { message } = await sign({});
    const resolver = dnsTable({ 's1._domainkey.example.org': { TXT: [KEYS.rsa.record] } })();
    for (const [from, to] of [['Lunch', 'Dinner'] as const, ['noon', 'six'] as const]) {
      const changed = message.toString('latin1').replace(from, to);
      const { results } = await dkimVerify(Buffer.from(changed, 'latin1'), { resolver });
      expect(results.map(({ status }) => status.result)).not.toContain('pass');
    }
  });
});

describe('the example that signs mail, about whose mail it signs,', () => {
  const unsigned = async (mail: Partial<ClientMail>, options: Options = {}): Promise<void> => {
    const { outcome, signatures, modifications } = await sign(mail, options);
    expect([outcome, signatures, modifications]).toEqual(['delivered', [], []]);
  };

  it('signs mail from the own machine and the own networks', async () => {
    const ours = new BlockList();
    ours.addSubnet('2001:db8::', 32, 'ipv6');
    for (const client of [{ address: '127.0.0.1' }, { family: 'inet6', address: '::1' }] as const)
      expect((await sign({ client }, { anonymous: true })).results).toEqual(['pass']);
    const client = { family: 'inet6', address: '2001:db8::25' } as const;
    expect((await sign({ client }, { anonymous: true, ours })).results).toEqual(['pass']);
    await unsigned({ client }, { anonymous: true });
  });

  it('signs no mail from outside, and does not touch it', async () => {
    await unsigned({ headers: [...HEADERS, ['Sensitivity', 'Company-Confidential']] }, { anonymous: true });
  });

  it.each([
    ['another domain', 'alice@example.net'],
    ['a domain that only ends like it', 'alice@notexample.org'],
    ['a subdomain', 'alice@sub.example.org'],
    ['two domains', 'alice@example.org, carol@example.net'],
  ])('signs nothing by %s', async (_what, author) => {
    await unsigned({ headers: replace(['From', author]) });
  });

  it('signs nothing without an author', async () => {
    await unsigned({ headers: HEADERS.filter(([name]) => name !== 'From') });
  });

  it('signs a bounce, and an author in capitals', async () => {
    expect((await sign({ sender: '' })).results).toEqual(['pass']);
    expect((await sign({ headers: replace(['From', 'Alice@Example.ORG']) })).results).toEqual(['pass']);
  });
});

describe('the example that signs mail, where it cannot,', () => {
  it('puts the mail off, and says why', async () => {
    const { outcome, errors } = await sign({}, { privateKey: 'no key' });
    expect(outcome).toBe('deferred');
    expect(errors).toEqual([
      expect.objectContaining({
        cause: expect.objectContaining({ message: 'It cannot be signed for example.org' }),
      }),
    ]);
  });
});

describe('the example that signs mail', () => {
  const filter = filterWith({ domain: 'example.com', selector: 's', privateKey: KEYS.ed25519.privateKey });
  const macros = { auth_authen: 'alice' };
  // It carries nothing over, but the time is in what it writes.
  const checks = contract(filter, { macros }).filter(({ rule }) => rule !== 'no-state');
  it.each(checks)('$name', ({ check }) => check());
});
