import { addHeader, compose, observe, on, perMessage } from 'rxmilter';
import { expect, test } from 'vitest';

import { describeMtas } from '../support/describe-mtas.js';
import { eventually } from '../support/eventually.js';
import { Gate } from '../support/gate.js';

const CLIENTS = 12;
const MESSAGES = 3;

describeMtas('messages at the same time', (bench) => {
  test('each has what belongs to it', async () => {
    const gate = new Gate();
    await bench().serve(
      perMessage(() => {
        const seen: string[] = [];
        return compose(
          observe('mail', ({ address }) => void seen.push(address)),
          observe('rcpt', ({ address, mail }) => void seen.push(`${mail.address}>${address}`)),
          observe('header', ({ name, value }) => {
            if (name === 'Subject') seen.push(value);
          }),
          on('eom', async ({ session }) => {
            await gate.pass();
            return addHeader('X-Seen', [session.helo, ...seen].join(' '));
          }),
        );
      }),
    );
    const names = Array.from({ length: CLIENTS }, (_none, number) => `c${number}`);
    const sent = names.map(async (name) => {
      const client = await bench().connect();
      await client.reply();
      await client.command(`EHLO ${name}.example`);
      for (let count = 0; count < MESSAGES; count++) {
        const id = `${name}-${count}`;
        const reply = await client.deliver({
          mail: `<${id}@src.example>`,
          rcpts: [`<${id}@dst.example>`],
          data: `Subject: ${id}\r\n\r\nThe body.\r\n`,
        });
        expect(reply).toMatch(/^250 /);
      }
      expect(await client.quit()).toMatch(/^221 /);
    });
    await eventually('a message of each client at the filter', () => gate.waiting === CLIENTS);
    gate.open();
    await Promise.all(sent);
    await bench().idle();

    const seen = bench().sink.kept.map(({ data }) => /^X-Seen: (.+)\r$/m.exec(data.toString())?.[1]);
    const expected = names.flatMap((name) =>
      Array.from({ length: MESSAGES }, (_none, count) => {
        const id = `${name}-${count}`;
        return `${name}.example ${id}@src.example ${id}@src.example>${id}@dst.example ${id}`;
      }),
    );
    expect(seen.sort()).toEqual(expected.sort());
  });
});
