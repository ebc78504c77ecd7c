import { addHeader, observe, on, quarantine, type ServeOptions } from 'rxmilter';
import { expect, test } from 'vitest';

import { describeSendmail } from '../support/describe-sendmail.js';

const DATA = 'Subject: a session\r\n\r\nThe body.\r\n';

describeSendmail('behind Sendmail', (bench) => {
  test.each<[string, ServeOptions['macros']]>([
    ['is known where no macros are asked for', undefined],
    ['is known where the version is asked for', { connect: ['v'] }],
    ['is known where macros are asked for at other stages', { mail: ['i'], eom: ['i'] }],
  ])('the MTA %s', async (_name, macros) => {
    const names: string[] = [];
    await bench().serve(
      observe(['connect', 'eom'], ({ session }) => void names.push(session.mta)),
      { macros },
    );
    expect(await (await bench().greeted()).deliver({ data: DATA })).toMatch(/^250 /);

    expect(names).toEqual(['sendmail', 'sendmail']);
  });

  test('a filter is not told at DATA of a recipient that Sendmail has refused', async () => {
    const seen: unknown[] = [];
    await bench().serve(
      observe(['rcpt', 'data'], ({ stage, session }) => {
        seen.push([stage, session.macros.get('rcpt_mailer'), session.macros.get('rcpt_addr')]);
      }),
    );
    const client = await bench().greeted();
    await client.command('MAIL FROM:<alice@src.example>');
    await client.command('RCPT TO:<bob@dst.example>');
    expect(await client.command('RCPT TO:<nobody-here@mx.test.example>')).toMatch(/^550 5\.1\.1 /);
    await client.command('DATA');
    await client.content(DATA);

    expect(seen).toEqual([
      ['rcpt', 'relay', 'bob@dst.example'],
      ['data', undefined, undefined],
    ]);
  });

  test('a filter has a message kept in quarantine, with its reason', async () => {
    await bench().serve(
      on('eom', () => [addHeader('X-Why', 'virus'), quarantine('looks like a virus: 100%')]),
    );
    expect(await (await bench().greeted()).deliver({ data: DATA })).toMatch(/^250 /);
    await bench().idle();

    expect(bench().sendmail.queue.quarantined()).toMatchObject([
      { reason: 'looks like a virus: 100%', sender: 'alice@src.example', recipients: ['bob@dst.example'] },
    ]);
  });

  test('a filter may as well listen on TCP', async () => {
    await bench().serve(
      on('eom', () => addHeader('X-Socket', 'inet')),
      { listen: bench().milter.inet },
    );
    expect(await (await bench().greeted('inet')).deliver({ data: DATA })).toMatch(/^250 /);

    expect((await bench().sink.next()).data.toString()).toContain('X-Socket: inet\r\n');
  });
});
