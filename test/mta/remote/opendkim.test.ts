import {
  RemoteError,
  addHeader,
  compose,
  on,
  remote,
  replaceBody,
  when,
  type Filter,
  type MilterServer,
  serve as serveFilter,
  type ServeOptions,
} from 'rxmilter';
import { expect, onTestFinished, test, vi } from 'vitest';

import { deliverByMaddy } from '../../mail-servers/support/maddy-client.js';
import { describeOpenDkim } from '../support/describe-opendkim.js';
import { freePort } from '../support/free-port.js';
import { maskReceived, RECEIVED } from '../support/mask-received.js';

const FROM = 'From: Alice <alice@src.example>\r\n';

const LETTERS: readonly (readonly [string, string])[] = [
  ['of the usual kind', `${FROM}To: bob@dst.example\r\nSubject: hello\r\n\r\nHello.\r\n`],
  [
    'with blanks of all kinds after the colons',
    `From:alice@src.example\r\nTo:  Bob\r\nSubject:\tx  \r\n\r\nHello. \r\n`,
  ],
  [
    'with folded headers',
    `${FROM}Subject: one\r\n two\r\n\tthree\r\nTo:\r\n bob@dst.example\r\n\r\nHello.\r\n`,
  ],
  ['with bytes of no character set', `${FROM}Subject: Gr\xfc\xdfe \x80\xff\r\n\r\nGr\xfc\xdfe\r\n`],
  ['with headers of one name', `${FROM}To: a@dst.example\r\nCc: b\r\nCc: c\r\nSubject: x\r\n\r\n.\r\n..\r\n`],
  ['without a body', `${FROM}Subject: nothing\r\n\r\n`],
  ['with empty lines at its end', `${FROM}Subject: x\r\n\r\nHello.\r\n\r\n\r\n`],
  ['of three hundred kilobytes', `${FROM}Subject: long\r\n\r\n${`${'x'.repeat(72)}\r\n`.repeat(4_000)}`],
];

/** What differs from one signing to the next: the time, and the signature over it. */
function maskSignature(message: string): string {
  return message
    .replace(/\bt=\d+/, 't=(time)')
    .replace(/\bb=[A-Za-z0-9+/=\s]+?(?=;|\r\n(?![ \t]))/, 'b=(signature)');
}

describeOpenDkim('OpenDKIM behind remote(), behind Postfix', (bench, dkim) => {
  /** Serves a filter on the Unix socket; whoever asks OpenDKIM directly does so on the TCP port. */
  const serve = (filter: Filter, options: object = {}): Promise<MilterServer> =>
    bench().serve(filter, { listen: bench().milter.unix, mode: 0o666, leadingSpace: true, ...options });
  const delivered = async (listener: 'inet' | 'unix', data: string): Promise<Buffer> => {
    const client = await bench().greeted(listener);
    const mail = '<alice@src.example> BODY=8BITMIME';
    expect(await client.deliver({ mail, data: Buffer.from(data, 'latin1') })).toMatch(/^250 /);
    await client.quit();
    return (await bench().sink.next()).data;
  };

  /** What a signature is worth to an OpenDKIM that Postfix asks itself. */
  const judged = async (message: Buffer): Promise<string | undefined> => {
    await dkim().stop();
    await dkim().verify(bench().milter.inet);
    const shown = (await delivered('inet', message.toString('latin1'))).toString('latin1');
    return /^Authentication-Results: verifier\.example;\r?\n\tdkim=(\w+)/m.exec(shown)?.[1];
  };

  test.each(LETTERS)('signs a message %s as it does alone', async (_what, data) => {
    await dkim().sign(bench().milter.inet);
    await serve(remote(bench().milter.inet));
    const [alone, through] = [await delivered('inet', data), await delivered('unix', data)];

    expect(through.toString('latin1')).toMatch(
      /^DKIM-Signature: v=1; a=rsa-sha256; c=simple\/simple; d=src\.example;/,
    );
    expect(maskSignature(maskReceived(through))).toBe(maskSignature(maskReceived(alone)));
    expect(await judged(alone)).toBe('pass');
    expect(await judged(through)).toBe('pass');
  });

  test('signs nothing of another domain, and leaves it as it is', async () => {
    await dkim().sign(bench().milter.inet);
    await serve(remote(bench().milter.inet));
    const data = 'From: carl@other.example\r\nSubject:x\r\n\r\nHello.\r\n';

    expect(maskReceived(await delivered('unix', data))).toBe(`${RECEIVED}${data}`);
    expect(maskReceived(await delivered('inet', data))).toBe(`${RECEIVED}${data}`);
  });

  test('signs where the blank after the colon is hidden, too, if there is one', async () => {
    await dkim().sign(bench().milter.inet);
    await serve(remote(bench().milter.inet), { leadingSpace: false });
    const signed = await delivered('unix', `${FROM}Subject: hello\r\n\r\nHello.\r\n`);

    expect(await judged(signed)).toBe('pass');
  });

  test('finds its own signature good, and one over another body bad', async () => {
    const verifier = `inet:${await freePort()}@127.0.0.1`;
    await dkim().sign(bench().milter.inet);
    await dkim().verify(verifier);
    const signing = await serve(remote(bench().milter.inet));
    const signed = await delivered('unix', `${FROM}Subject: hello\r\n\r\nHello.\r\n`);
    await signing.close();

    await serve(remote(verifier));
    const good = await delivered('unix', signed.toString('latin1'));
    expect(good.toString('latin1')).toMatch(
      /^Authentication-Results: verifier\.example;\r?\n\tdkim=pass [^]*header\.d=src\.example/m,
    );
    const bad = await delivered('unix', signed.toString('latin1').replace('Hello.', 'Hullo.'));
    expect(bad.toString('latin1')).toMatch(/^Authentication-Results: verifier\.example;\r?\n\tdkim=fail /m);
  });

  test('is one filter of several, and asked only about what is routed to it', async () => {
    await dkim().sign(bench().milter.inet);
    const ours = when(
      (event) => event.stage === 'mail' && event.address.endsWith('@src.example'),
      remote(bench().milter.inet, { stages: ['mail', 'header', 'eoh', 'body', 'eom'] }),
    );
    const headers: string[] = [];
    await serve(
      compose(
        ours,
        on('eom', ({ modifications }) => {
          headers.push(...modifications.map(({ kind }) => kind));
          return addHeader('X-Seen', ' yes');
        }),
      ),
    );
    const data = `${FROM}Subject: hello\r\n\r\nHello.\r\n`;
    const signed = await delivered('unix', data);
    expect(signed.toString('latin1')).toContain('\r\nX-Seen: yes\r\n');
    expect(await judged(signed)).toBe('pass');

    const client = await bench().greeted('unix');
    expect(await client.deliver({ mail: '<carl@other.example>', data })).toMatch(/^250 /);
    expect(maskReceived((await bench().sink.next()).data)).not.toContain('DKIM-Signature');
    expect(headers).toEqual(['insertHeader']);
  });

  test('does not see what the filters around it change', async () => {
    await dkim().sign(bench().milter.inet);
    await serve(
      compose(
        on('eom', () => replaceBody('Another.\r\n')),
        remote(bench().milter.inet),
      ),
    );
    const signed = await delivered('unix', `${FROM}Subject: hello\r\n\r\nHello.\r\n`);

    expect(signed.toString('latin1')).toMatch(/^DKIM-Signature: [^]*\r\n\r\nAnother\.\r\n$/);
    expect(await judged(signed)).toBe('fail');
  });

  test('signs message after message of a connection, also after one that was reset', async () => {
    await dkim().sign(bench().milter.inet);
    await serve(remote(bench().milter.inet));
    const client = await bench().greeted('unix');
    const data = `${FROM}Subject: hello\r\n\r\nHello.\r\n`;
    const signed: Buffer[] = [];
    for (const _time of [1, 2]) {
      expect(await client.deliver({ data })).toMatch(/^250 /);
      signed.push((await bench().sink.next()).data);
      await client.command('MAIL FROM:<alice@src.example>');
      await client.command('RCPT TO:<bob@dst.example>');
      await client.command('RSET');
    }
    for (const message of signed) expect(await judged(message)).toBe('pass');
  });

  test('is done without where it has gone, as the policy says', async () => {
    const data = `${FROM}Subject: hello\r\n\r\nHello.\r\n`;
    const pass = await serve(remote(bench().milter.inet, { stages: ['header', 'eom'], failure: 'pass' }));
    expect(maskReceived(await delivered('unix', data))).toBe(`${RECEIVED}${data}`);
    await pass.close();
    await serve(remote(bench().milter.inet, { stages: ['eom'] }));
    const client = await bench().greeted('unix');
    expect(await client.deliver({ data })).toMatch(/^451 /);

    expect(
      bench()
        .errors.splice(0)
        .map((error) => error instanceof RemoteError && error.stage),
    ).toEqual(['header', 'eom']);
  });

  test('does not work with the rights that maddy grants, and does where the others are skipped', async () => {
    const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    onTestFinished(() => warning.mockRestore());
    // maddy gives the lines of a header as one.
    await dkim().sign(bench().milter.inet, 'relaxed/relaxed');
    const message = await delivered('inet', `${FROM}Subject: hello\r\n\r\nHello.\r\n`);
    await dkim().stop();
    await dkim().verify(bench().milter.inet);
    const errors: Error[] = [];
    const served = async (options: Partial<ServeOptions>): Promise<string> => {
      const server = await serveFilter(remote(bench().milter.inet), {
        listen: 'inet:0@127.0.0.1',
        onError: (error) => void errors.push(error),
        ...options,
      });
      onTestFinished(() => server.destroy());
      return server.address;
    };
    const deferring = await served({});
    for (let count = 0; count < 3; count++) {
      expect((await deliverByMaddy(deferring, { message })).reply).toMatch(/^450 /);
    }
    // It deletes the results that others have written.
    expect(errors).toMatchObject([{ name: 'UngrantedError', wishes: [{ right: 'CHGHDRS' }] }]);
    const skipping = await served({ ungranted: 'skip' });
    expect((await deliverByMaddy(skipping, { message })).message).toMatch(
      /^Authentication-Results: verifier\.example;\r?\n\tdkim=pass /,
    );
    expect(errors).toHaveLength(1);
  });
});
