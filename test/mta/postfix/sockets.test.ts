import { existsSync, statSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { addHeader, compose, observe, on, reject, tempfail, type Connect } from 'rxmilter';
import { expect, test } from 'vitest';

import { describePostfix } from '../support/describe-postfix.js';
import { run } from '../support/run.js';

const noIpv6 = !Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
);
const DATA = 'Subject: socket\r\n\r\nThe body.\r\n';

describePostfix('sockets behind Postfix', (bench) => {
  async function idOf(kind: '-u' | '-g'): Promise<number> {
    return Number((await run('/usr/bin/id', [kind, 'postfix'])).toString());
  }

  test('a unix socket for the group of Postfix', async () => {
    const server = await bench().serve(
      on('eom', () => addHeader('X-Socket', 'unix')),
      { listen: bench().milter.unix, mode: 0o660, group: await idOf('-g') },
    );
    const client = await bench().greeted('unix');
    expect(await client.deliver({ data: DATA })).toMatch(/^250 /);
    await client.quit();

    expect(server.address).toBe(bench().milter.unix);
    const path = bench().milter.unix.slice('unix:'.length);
    expect(statSync(path).mode & 0o777).toBe(0o660);
    expect(statSync(path).gid).toBe(await idOf('-g'));
    expect((await bench().sink.next()).data.toString()).toContain('X-Socket: unix\r\n');
    await server.close();
    expect(existsSync(path)).toBe(false);
  });

  test('a unix socket that Postfix owns', async () => {
    await bench().serve(
      on('mail', () => reject('by way of a unix socket')),
      { listen: bench().milter.unix, mode: 0o600, owner: await idOf('-u') },
    );

    expect(await (await bench().greeted('unix')).deliver({ data: DATA })).toBe(
      '550 5.7.1 by way of a unix socket',
    );
  });

  test('a unix socket under its other name, for everybody, twice in a row', async () => {
    for (const round of ['first', 'second']) {
      const server = await bench().serve(
        on('mail', () => tempfail(round)),
        { listen: bench().milter.unix.replace('unix:', 'local:'), mode: 0o666 },
      );
      const client = await bench().greeted('unix');
      expect(await client.deliver({ data: DATA })).toBe(`451 4.7.1 ${round}`);
      await client.quit();
      await server.close();
    }
  });

  test('an inet socket given by its parts', async () => {
    const port = Number(/^inet:(\d+)@/.exec(bench().milter.inet)?.[1]);
    const server = await bench().serve(
      on('mail', () => reject('by way of inet')),
      { listen: { port, host: '127.0.0.1' } },
    );

    expect(server.address).toBe(bench().milter.inet);
    expect(await (await bench().greeted()).deliver({ data: DATA })).toBe('550 5.7.1 by way of inet');
  });

  test.skipIf(noIpv6)('an IPv6 socket, and a client with an IPv6 address', async () => {
    const connects: Connect[] = [];
    const server = await bench().serve(
      compose(
        observe('connect', (connect) => void connects.push(connect)),
        on('eom', () => addHeader('X-Socket', 'inet6')),
      ),
      { listen: bench().milter.inet6 },
    );
    const client = await bench().greeted('inet6');
    expect(await client.command('XCLIENT NAME=mail.example ADDR=IPV6:2001:db8::1 PORT=2525')).toMatch(
      /^220 /,
    );
    await client.command('EHLO mail.example');
    expect(await client.deliver({ data: DATA })).toMatch(/^250 /);

    expect(server.address).toBe(bench().milter.inet6);
    expect(connects).toMatchObject([
      { family: 'inet', address: '127.0.0.1' },
      { family: 'inet6', address: '2001:db8::1', host: 'mail.example', port: 2525 },
    ]);
    expect((await bench().sink.next()).data.toString()).toContain('X-Socket: inet6\r\n');
  });

  test('a filter for two sockets of one mail server', async () => {
    const filter = on('eom', ({ session }) => addHeader('X-Session', session.id));
    await bench().serve(filter);
    await bench().serve(filter, { listen: bench().milter.unix, mode: 0o666 });
    expect(await (await bench().greeted('inet')).deliver({ data: DATA })).toMatch(/^250 /);
    expect(await (await bench().greeted('unix')).deliver({ data: DATA })).toMatch(/^250 /);

    const ids = [await bench().sink.next(), await bench().sink.next()].map(
      ({ data }) => /^X-Session: (.+)\r$/m.exec(data.toString())?.[1],
    );
    expect(new Set(ids).size).toBe(2);
  });
});
