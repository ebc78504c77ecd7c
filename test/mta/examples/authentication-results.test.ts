import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

import { filterWith } from '../../../examples/authentication-results.mjs';
import { dnsTable, type DnsName } from '../../examples/support/dns-table.js';
import { readResults } from '../../examples/support/read-results.js';
import { RFC_8463_KEYS, RFC_8463_MESSAGE } from '../../examples/support/rfc8463.js';
import { describeOpenDkim } from '../support/describe-opendkim.js';
import { maskReceived, RECEIVED } from '../support/mask-received.js';

const fixture = (name: string): string =>
  readFileSync(new URL(`../../examples/fixtures/${name}`, import.meta.url), 'latin1');
const OUTSIDE = 'NAME=mail.src.example ADDR=192.0.2.7';
const LETTER = 'From: Alice <alice@src.example>\r\nSubject: hello\r\n\r\nHello.\r\n';
const FORGED = 'Authentication-Results: (x) MX.test.example;\r\n\tdmarc=pass header.from=src.example\r\n';
const FOREIGN = 'Authentication-Results: mx.other.example; spf=pass smtp.mailfrom=src.example\r\n';

describeOpenDkim('the example that authenticates mail, behind Postfix', (bench, dkim) => {
  /** Serves the example on the Unix socket. */
  const serve = (dns: Record<string, DnsName>, options: object = {}): Promise<unknown> =>
    bench().serve(filterWith({ authservId: 'mx.test.example', resolver: dnsTable(dns), ...options }), {
      listen: bench().milter.unix,
      mode: 0o666,
      leadingSpace: true,
    });
  const send = async (data: string, xclient = OUTSIDE, mail = '<alice@src.example>'): Promise<string> => {
    const client = await bench().greeted('unix');
    expect(await client.command(`XCLIENT ${xclient}`)).toMatch(/^220 /);
    expect(await client.command('EHLO mail.src.example')).toMatch(/^250/);
    const reply = await client.deliver({ mail, data: Buffer.from(data, 'latin1') });
    await client.quit();
    return reply;
  };
  /** What arrives, and `{ spf: ['pass'], … }` by the field above all others. */
  const arrived = async (): Promise<{ text: string; found: Record<string, string[]> }> => {
    const text = (await bench().sink.next()).data.toString('latin1');
    const field = /^Authentication-Results: ((?:[^\r]|\r\n(?=[ \t]))*)\r\n/.exec(text)?.[1] ?? '';
    const { authservId, results } = readResults(field.replaceAll('\r\n', ''));
    expect(authservId).toBe('mx.test.example');
    const found: Record<string, string[]> = {};
    for (const { method, result } of results) (found[method] ??= []).push(result);
    return { text, found };
  };

  test('says what it has found, above all, and removes what was forged', async () => {
    await serve({
      'src.example': { TXT: ['v=spf1 ip4:192.0.2.0/24 -all'] },
      '_dmarc.src.example': { TXT: ['v=DMARC1; p=reject'] },
    });
    expect(await send(`${FORGED}${FOREIGN}${FORGED}${LETTER}`)).toMatch(/^250 /);
    const { text, found } = await arrived();
    expect(found).toEqual({ dkim: ['none'], spf: ['pass'], arc: ['none'], dmarc: ['pass'] });
    const rest = Buffer.from(text.replace(/^Auth[^]*?\r\n(?=Received)/, ''), 'latin1');
    expect(maskReceived(rest)).toBe(`${RECEIVED}${FOREIGN}${LETTER}`);
  });

  test('finds a signature of OpenDKIM good, over every byte of the header', async () => {
    await dkim().sign(bench().milter.inet);
    const client = await bench().greeted('inet');
    const data = 'From:alice@src.example\r\nTo:  Bob\r\nSubject:\tx \r\n y\r\n\r\nHello. \r\n\r\n';
    expect(await client.deliver({ data })).toMatch(/^250 /);
    await client.quit();
    const signed = (await bench().sink.next()).data.toString('latin1');
    expect(signed).toContain('c=simple/simple');

    await serve({
      'test._domainkey.src.example': { TXT: [dkim().record] },
      '_dmarc.src.example': { TXT: ['v=DMARC1; p=reject; adkim=s'] },
    });
    expect(await send(signed)).toMatch(/^250 /);
    expect((await arrived()).found).toMatchObject({ dkim: ['pass'], spf: ['none'], dmarc: ['pass'] });
    expect(await send(signed.replace('Hello', 'Hallo'))).toMatch(
      /^550 5\.7\.1 This is not from src\.example/,
    );
  });

  test('finds the signatures of RFC 8463 and a seal of dkimpy good', async () => {
    const key = { TXT: [fixture('key-record.txt').trim()] };
    await serve(
      {
        ...RFC_8463_KEYS,
        's._domainkey.list.example': key,
        'a._domainkey.author.example': key,
        '_dmarc.author.example': { TXT: ['v=DMARC1; p=reject'] },
      },
      { sealers: ['list.example'] },
    );
    expect(await send(RFC_8463_MESSAGE)).toMatch(/^250 /);
    expect((await arrived()).found).toMatchObject({ dkim: ['pass', 'pass'], dmarc: ['none'] });
    expect(await send(fixture('sealed-by-list.eml'))).toMatch(/^250 /);
    expect((await arrived()).found).toMatchObject({ arc: ['pass'], dmarc: ['fail'] });
    expect(await send(fixture('sealed-by-list.eml').replace('hungry', 'angry'))).toMatch(/^550 5\.7\.1 /);
  });

  test('refuses what its domain wants refused, and puts off what nobody knows', async () => {
    await serve({
      '_dmarc.src.example': { TXT: ['v=DMARC1; p=reject'] },
      '_dmarc.away.example': 'ETIMEOUT',
    });
    expect(await send(LETTER)).toBe(
      '550 5.7.1 This is not from src.example, which has such mail refused (DMARC)',
    );
    expect(await send('Subject: nobody\r\n\r\nHello.\r\n')).toMatch(/^550 5\.7\.1 There has to be one From/);
    expect(await send(LETTER.replace('src', 'away'))).toBe(
      '451 4.4.3 DNS does not answer about away.example',
    );
    expect(bench().sink.kept).toEqual([]);
  });

  test('lets a user pass who has logged in, and the own machine', async () => {
    await serve({ '_dmarc.src.example': { TXT: ['v=DMARC1; p=reject'] } });
    expect(await send(FORGED + LETTER, `${OUTSIDE} LOGIN=alice`)).toMatch(/^250 /);
    expect(maskReceived((await bench().sink.next()).data)).toBe(`${RECEIVED}${LETTER}`);
    expect(await send(FOREIGN + LETTER, 'ADDR=127.0.0.1')).toMatch(/^250 /);
    expect(maskReceived((await bench().sink.next()).data)).toBe(`${RECEIVED}${FOREIGN}${LETTER}`);
  });
});
