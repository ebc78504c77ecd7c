import { on, reject, tempfail, type MilterEvent } from 'rxmilter';
import { expect, test } from 'vitest';

import { describePostfix } from '../support/describe-postfix.js';
import { noting } from '../support/noting.js';

const DATA = 'Subject: conversation\r\n\r\nThe body.\r\n';

describePostfix('unknown commands behind Postfix', (bench) => {
  test('are refused by Postfix when the filter says nothing', async () => {
    const seen: MilterEvent[] = [];
    await bench().serve(noting(seen));
    const client = await bench().greeted();

    expect(await client.command('FROBNICATE all of it')).toBe('500 5.5.2 Error: command not recognized');
    expect(await client.deliver({ data: DATA })).toMatch(/^250 /);
    // Postfix may keep back what it wants no answer to, until it wants one; before 3.10 it tells the first word only
    const command = bench().postfix.version.atLeast('3.10') ? 'FROBNICATE all of it' : 'FROBNICATE';
    expect(seen.filter(({ stage }) => stage === 'unknown')).toMatchObject([{ command }]);
  });

  test('are refused in the words of the filter', async () => {
    await bench().serve(
      on('unknown', ({ command }) =>
        command.startsWith('LATER')
          ? tempfail('later')
          : reject({ code: 502, enhanced: '5.5.1', text: 'not here' }),
      ),
    );
    const client = await bench().greeted();

    await client.command('MAIL FROM:<alice@src.example>');
    // from 3.10 on Postfix has words of its own for what is refused for good
    const refusal = bench().postfix.version.atLeast('3.10') ? /^500 5\.5\.2 / : /^502 5\.5\.1 not here$/;
    expect(await client.command('FROBNICATE all of it')).toMatch(refusal);
    expect(await client.command('LATER')).toBe('451 4.7.1 later');
    expect(await client.command('RCPT TO:<bob@dst.example>')).toBe('250 2.1.5 Ok');
    await client.command('DATA');
    expect(await client.content(DATA)).toMatch(/^250 /);
  });
});
