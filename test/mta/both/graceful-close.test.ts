import { addHeader, on } from 'rxmilter';
import { expect, test } from 'vitest';

import { describeMtas } from '../support/describe-mtas.js';
import { eventually } from '../support/eventually.js';
import { Gate } from '../support/gate.js';
import { within } from '../support/within.js';

const DATA = 'Subject: closing\r\n\r\nThe body.\r\n';
const DRAINED = 'X-Drained: yes\r\n';
const STOPPING = '421 4.3.2 Service is shutting down, try again later';

describeMtas('closing a filter', (bench) => {
  test('messages that wait for the filter are finished', async () => {
    const gate = new Gate();
    const server = await bench().serve(
      on('eom', async () => {
        await gate.pass();
        return addHeader('X-Drained', 'yes');
      }),
    );
    const clients = await Promise.all([1, 2, 3, 4].map(() => bench().greeted()));
    const replies = clients.map((client) => client.deliver({ data: DATA }));
    await eventually('four messages at the filter', () => gate.waiting === 4);

    let closed = false;
    const closing = server.close().then(() => (closed = true));
    expect(closed).toBe(false);
    gate.open();

    for (const reply of await Promise.all(replies)) expect(reply).toMatch(/^250 /);
    for (const client of clients) expect(await client.quit()).toMatch(/^221 /);
    await closing;
    for (const client of clients) {
      expect(client).toBeDefined();
      expect((await bench().sink.next()).data.toString()).toContain(DRAINED);
    }
  });

  test.each(['MAIL', 'RCPT', 'DATA'] as const)(
    'a message that has got as far as %s is finished',
    async (far) => {
      const server = await bench().serve(
        on(['mail', 'rcpt', 'data'], () => undefined),
        {},
      );
      const client = await bench().greeted();
      const commands = ['MAIL FROM:<alice@src.example>', 'RCPT TO:<bob@dst.example>', 'DATA'];
      const before = commands.findIndex((command) => command.startsWith(far)) + 1;
      for (const command of commands.slice(0, before)) expect(await client.command(command)).toMatch(/^[23]/);

      const closing = server.close();
      for (const command of commands.slice(before)) expect(await client.command(command)).toMatch(/^[23]/);
      expect(await client.content(DATA)).toMatch(/^250 /);
      expect(await client.quit()).toMatch(/^221 /);
      await closing;
      expect((await bench().sink.next()).data.toString()).toContain(DATA);
    },
  );

  test('a client that begins a message meanwhile is put off, and told to come back', async () => {
    // the clients are not to be given up while they are between messages
    const server = await bench().serve(
      on('mail', () => undefined),
      { timeouts: { linger: 25_000 } },
    );
    const idle = await bench().greeted();
    const busy = await bench().greeted();
    await busy.command('MAIL FROM:<busy@src.example>');

    const closing = server.close();
    expect(await idle.deliver({ data: DATA })).toBe(STOPPING);
    await idle.closed;
    await busy.command('RCPT TO:<bob@dst.example>');
    await busy.command('DATA');
    expect(await busy.content(DATA)).toMatch(/^250 /);
    expect(await busy.deliver({ data: DATA })).toBe(STOPPING);
    await busy.closed;
    await closing;

    expect((await bench().sink.next()).mail).toBe('<busy@src.example>');
    await bench().idle();
    expect(bench().sink.kept).toEqual([]);
  });

  test('a client that stays connected keeps nobody waiting', async () => {
    bench().tolerate(/Milter \(tempfail\): (?:write\(Q\) returned|to error state)/); // Sendmail says QUIT all the same
    const server = await bench().serve(
      on('mail', () => undefined),
      { timeouts: { linger: 100 } },
    );
    const client = await bench().greeted('tempfail');
    expect(await client.deliver({ data: DATA })).toMatch(/^250 /);

    await within(server.close(), () => 'the end of the server', 10_000);
    expect(await client.quit()).toMatch(/^221 /);
  });
});
