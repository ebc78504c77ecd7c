import { addHeader, on, type MilterServer } from 'rxmilter';
import { expect, test } from 'vitest';

import { describeMtas } from '../support/describe-mtas.js';
import { STAGES, type AskedStage } from '../support/refused-by-postfix.js';
import { TOLD_BY } from '../support/told-by.js';

const DATA = 'Subject: an outage\r\n\r\nThe body.\r\n';
const filter = on('eom', () => addHeader('X-Filtered', 'yes'));

/** What an MTA logs of a filter that is away, or that goes while it is asked. */
const COMPLAINTS = {
  postfix: /warning: (?:milter|connect to Milter service) inet:127\.0\.0\.1:\d+: /,
  sendmail: /Milter \(tempfail\): |milter_\w+\(tempfail\): /,
};

describeMtas('a filter that is away', (bench, mta) => {
  const told = TOLD_BY[mta];

  async function expectFiltered(): Promise<void> {
    const client = await bench().greeted('tempfail');
    expect(await client.deliver({ data: DATA })).toMatch(/^250 /);
    expect((await bench().sink.next()).data.toString()).toContain('X-Filtered: yes\r\n');
  }

  test('has mail put off until it is back', async () => {
    bench().tolerate(COMPLAINTS[mta]);
    expect(await (await bench().greeted('tempfail')).deliver({ data: DATA })).toBe(told.tempfailed);

    await bench().serve(filter);
    await expectFiltered();
  });

  test.each(STAGES)(
    'and goes while it is asked at %s has that message put off',
    async (stage: AskedStage) => {
      bench().tolerate(COMPLAINTS[mta]);
      const server: MilterServer = await bench().serve(
        on(stage, () => {
          server.destroy();
          return new Promise<undefined>(() => undefined);
        }),
      );
      const client = await bench().connect('tempfail');
      await client.reply();
      await client.command('EHLO client.example');
      expect(await client.deliver({ data: DATA })).toBe(told.tempfailed);
      expect(await client.command('RSET')).toMatch(/^250 /);

      await bench().serve(filter);
      // for the rest of that session the filter is given up
      expect(await client.deliver({ data: DATA })).toBe(told.tempfailed);
      await expectFiltered();
      expect(bench().sink.kept).toEqual([]);
    },
  );
});
