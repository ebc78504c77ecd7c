import { dkimVerify } from 'mailauth';
import { generateKeyPairSync } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';

import { filterWith } from '../../../examples/dkim-signing.mjs';
import { dnsTable } from '../../examples/support/dns-table.js';
import { describeOpenDkim } from '../support/describe-opendkim.js';
import { maskReceived, RECEIVED } from '../support/mask-received.js';

const PEM = { type: 'pkcs8', format: 'pem' } as const;
const DER = { type: 'spki', format: 'der' } as const;
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ed25519 = generateKeyPairSync('ed25519');
const KEYS = [
  {
    selector: 'rsa',
    privateKey: rsa.privateKey.export(PEM).toString(),
    record: `v=DKIM1; k=rsa; p=${rsa.publicKey.export(DER).toString('base64')}`,
  },
  {
    selector: 'ed',
    privateKey: ed25519.privateKey.export(PEM).toString(),
    record: `v=DKIM1; k=ed25519; p=${ed25519.publicKey.export(DER).subarray(-32).toString('base64')}`,
  },
];
const nameOf = (selector: string): string => `${selector}._domainkey.src.example`;

const HEAD = 'From: Alice <alice@src.example>\r\nTo: bob@dst.example\r\n';
const LETTERS: readonly (readonly [string, string])[] = [
  ['of the usual kind', `${HEAD}Subject: Lunch\r\n\r\nAt noon?\r\n`],
  [
    'that is confidential, with a folded subject',
    `${HEAD}Subject: Figures\r\n of the year\r\nSensitivity: Company-Confidential\r\n\r\nUp.\r\n`,
  ],
  [
    'with blanks of all kinds',
    `From:alice@src.example\r\nTo:  Bob\r\nSubject:\tx  \r\n\r\nHello. \r\n\r\n\r\n`,
  ],
  ['with bytes of no character set', `${HEAD}Subject: Gr\xfc\xdfe \x80\r\n\r\nGr\xfc\xdfe\r\n.\r\n..\r\n`],
  ['without a body', `${HEAD}Subject: nothing\r\n\r\n`],
  ['of three hundred kilobytes', `${HEAD}Subject: long\r\n\r\n${`${'x'.repeat(72)}\r\n`.repeat(4_000)}`],
];

describeOpenDkim('the example that signs mail, behind Postfix', (bench, dkim) => {
  beforeAll(async () => {
    for (const { selector, record } of KEYS) await dkim().know(nameOf(selector), record);
  });

  const MAIL = '<alice@src.example> BODY=8BITMIME';

  /** What arrives of a message; a client that is said to be another is one from outside. */
  const delivered = async (listener: 'inet' | 'unix', data: string, xclient?: string): Promise<Buffer> => {
    const client = await bench().greeted(listener);
    if (xclient !== undefined) {
      expect(await client.command(`XCLIENT ${xclient}`)).toMatch(/^220 /);
      expect(await client.command('EHLO client.example')).toMatch(/^250/);
    }
    expect(await client.deliver({ mail: MAIL, data: Buffer.from(data, 'latin1') })).toMatch(/^250 /);
    await client.quit();
    return (await bench().sink.next()).data;
  };
  /** Serves the example on the Unix socket; OpenDKIM has the TCP port. */
  const serve = ({ selector, privateKey }: (typeof KEYS)[number], more: object = {}): Promise<unknown> =>
    bench().serve(filterWith({ domain: 'src.example', selector, privateKey, ...more }), {
      listen: bench().milter.unix,
      mode: 0o666,
      leadingSpace: true,
    });
  const byMailauth = async (message: Buffer): Promise<string[]> => {
    const dns = dnsTable(
      Object.fromEntries(KEYS.map(({ selector, record }) => [nameOf(selector), { TXT: [record] }])),
    );
    const { results } = await dkimVerify(message, { resolver: dns() });
    return results.map(({ status }) => status.result);
  };
  const byOpenDkim = async (message: Buffer): Promise<string | undefined> => {
    await dkim().verify(bench().milter.inet);
    const shown = (await delivered('inet', message.toString('latin1'))).toString('latin1');
    await dkim().stop();
    return /^Authentication-Results: verifier\.example;\r?\n\tdkim=(\w+)/m.exec(shown)?.[1];
  };

  const cases = KEYS.flatMap((key) =>
    LETTERS.map(([what, data]) => [key.selector, what, key, data] as const),
  );
  test.each(cases)('signs with the key %s a message %s', async (_selector, _what, key, data) => {
    await serve(key);
    const signed = await delivered('unix', data);

    expect(signed.toString('latin1')).toMatch(/^DKIM-Signature: v=1; [^]*^Received: /m);
    expect(await byMailauth(signed)).toEqual(['pass']);
    expect(await byOpenDkim(signed)).toBe('pass');
  });

  test.each(KEYS)('signs every byte where that is wanted, with the key $selector', async (key) => {
    await serve(key, { canonicalization: 'simple/simple' });
    for (const [what, data] of LETTERS) {
      const signed = await delivered('unix', data);
      expect([what, await byMailauth(signed), await byOpenDkim(signed)]).toEqual([what, ['pass'], 'pass']);
    }
  });

  test('signs the subject that arrives', async () => {
    const [key] = KEYS;
    if (key === undefined) throw new Error('there is no key');
    await serve(key);
    const data = `${HEAD}Subject: Figures\r\nSensitivity: Company-Confidential\r\n\r\nUp.\r\n`;
    const signed = await delivered('unix', data);
    expect(signed.toString()).toContain('\r\nSubject: [confidential] Figures\r\n');

    const changed = Buffer.from(signed.toString().replace('[confidential] ', ''));
    expect(await byMailauth(changed)).toEqual(['fail']);
    expect(await byOpenDkim(changed)).toBe('fail');
  });

  test('signs mail of a user who has logged in from outside, and of nobody else there', async () => {
    const [key] = KEYS;
    if (key === undefined) throw new Error('there is no key');
    await serve(key);
    const data = `${HEAD}Subject: Figures\r\nSensitivity: Company-Confidential\r\n\r\nUp.\r\n`;
    const outside = 'NAME=client.example ADDR=203.0.113.7';

    expect(await byMailauth(await delivered('unix', data, `${outside} LOGIN=alice`))).toEqual(['pass']);
    expect(maskReceived(await delivered('unix', data, outside))).toBe(`${RECEIVED}${data}`);
  });
});
