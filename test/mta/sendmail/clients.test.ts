import { networkInterfaces } from 'node:os';
import { addHeader, compose, on, type MilterEvent } from 'rxmilter';
import { expect, test } from 'vitest';

import { describeSendmail } from '../support/describe-sendmail.js';
import { noting } from '../support/noting.js';

const noIpv6 = !Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
);
const DATA = 'Subject: a client\r\n\r\nThe body.\r\n';

describeSendmail('clients of Sendmail', (bench) => {
  async function noted(): Promise<MilterEvent[]> {
    const seen: MilterEvent[] = [];
    await bench().serve(
      compose(
        noting(seen),
        on('eom', ({ session }) =>
          addHeader('X-Client', `${session.client.family} ${session.client.address}`),
        ),
      ),
    );
    return seen;
  }

  test.each([
    ['pipes', 'unknown'],
    ['sockets', 'unix'],
  ] as const)(
    'a program on the same machine (sendmail -bs, over %s) has no address',
    async (over, family) => {
      const seen = await noted();
      const client = bench().local(over);
      await client.hello();
      expect(await client.deliver({ data: DATA })).toMatch(/^250 /);
      // not waited for: the shell between does not end before the client
      expect(await client.command('QUIT')).toMatch(/^221 /);

      expect(seen[0]).toMatchObject({ stage: 'connect', host: 'localhost', family, address: '', port: 0 });
      expect((await bench().sink.next()).data.toString()).toContain(`X-Client: ${family} \r\n`);
    },
  );

  // Sendmail writes "IPv6:" in front of it, and may be built to leave out no zero.
  test.skipIf(noIpv6)('an IPv6 client has its address without a prefix', async () => {
    const seen = await noted();
    const client = await bench().greeted('client6');
    expect(await client.deliver({ data: DATA })).toMatch(/^250 /);

    expect(seen[0]).toMatchObject({
      stage: 'connect',
      family: 'inet6',
      address: '::1',
    });
    expect((await bench().sink.next()).data.toString()).toMatch(/^X-Client: inet6 ::1\r$/m);
  });

  test('a client by TCP has the name that Sendmail has found', async () => {
    const seen = await noted();
    await bench().greeted();

    expect(seen[0]).toMatchObject({ host: 'localhost', family: 'inet', address: '127.0.0.1' });
  });
});
