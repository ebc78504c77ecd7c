import { on, reject, tempfail } from 'rxmilter';
import { expect, test } from 'vitest';

import { describeSendmail } from '../support/describe-sendmail.js';

const DATA = 'Subject: commands\r\n\r\nThe body.\r\n';

describeSendmail('unknown commands behind Sendmail', (bench) => {
  test('are told with all of their line, and refused by Sendmail when the filter says nothing', async () => {
    const seen: string[] = [];
    await bench().serve(on('unknown', ({ command }) => void seen.push(command)));
    const client = await bench().greeted();

    expect(await client.command('FROBNICATE all of it')).toMatch(/^500 5\.5\.1 Command unrecognized/);
    expect(await client.command('')).toMatch(/^500 5\.5\.1 Command unrecognized/);
    expect(await client.deliver({ data: DATA })).toMatch(/^250 /);
    expect(seen).toEqual(['FROBNICATE all of it', '']);
  });

  test('are refused in the words of the filter, and the message goes on', async () => {
    await bench().serve(
      on('unknown', ({ command }) =>
        command.startsWith('LATER')
          ? tempfail('later')
          : reject({ code: 502, enhanced: '5.5.1', text: 'not here' }),
      ),
    );
    const client = await bench().greeted();

    await client.command('MAIL FROM:<alice@src.example>');
    expect(await client.command('FROBNICATE all of it')).toBe('502 5.5.1 not here');
    expect(await client.command('LATER')).toBe('451 4.7.1 later');
    expect(await client.command('RCPT TO:<bob@dst.example>')).toMatch(/^250 /);
    await client.command('DATA');
    expect(await client.content(DATA)).toMatch(/^250 /);
  });
});
