import { addHeader, on } from 'rxmilter';
import { test } from 'vitest';

import { describeMtas } from '../support/describe-mtas.js';
import { expectNothingLost } from '../support/expect-nothing-lost.js';
import { SmtpLoad } from '../support/smtp-load.js';

const CLIENTS = 8;
const TAKEN = '2';
const PUT_OFF = '4';
const filter = on('eom', () => addHeader('X-Filtered', 'yes'));

/** What an MTA logs of a filter that is away, or that goes while it is asked. */
const AWAY = {
  postfix: /warning: (?:milter|connect to Milter service) inet:127\.0\.0\.1:\d+: /,
  sendmail: /Milter \(tempfail\): |milter_\w+\(tempfail\): /,
};

/** What it logs where the filter only went when nobody had a message in progress. */
const CLOSED = {
  postfix: [
    /connect to Milter service inet:127\.0\.0\.1:\d+: Connection (?:refused|reset by peer)/,
    // connections that the system had taken for the filter, and that nobody had accepted when it stopped to listen
    /can't read SMFIC_OPTNEG reply packet header: Connection reset by peer/,
    /read error in initial handshake/,
  ],
  sendmail: [
    /Milter \(tempfail\): (?:error connecting to filter|local socket name \S+ unsafe|init failed to open)/,
    // connections that nobody had accepted, as above
    /Milter \(tempfail\): read returned -1: Connection reset/,
    // it says QUIT also to a filter that has gone
    /Milter \(tempfail\): (?:write\(Q\) returned|to error state)/,
  ],
};

describeMtas('restarting a filter under load', (bench, mta) => {
  test('a filter that is closed and served again loses nothing', async () => {
    bench().tolerate(...CLOSED[mta]);
    let server = await bench().serve(filter);
    const load = new SmtpLoad(bench(), 'tempfail', CLIENTS);
    for (let round = 0; round < 3; round++) {
      await load.more(40, TAKEN);
      await server.close();
      await load.more(20, PUT_OFF);
      server = await bench().serve(filter);
    }
    await load.more(40, TAKEN);
    await load.stop();

    await expectNothingLost(bench(), load, 'X-Filtered: yes\r\n');
  });

  test('a filter that is destroyed and served again loses nothing either', async () => {
    bench().tolerate(AWAY[mta]);
    let server = await bench().serve(filter);
    const load = new SmtpLoad(bench(), 'tempfail', CLIENTS);
    for (let round = 0; round < 3; round++) {
      await load.more(40, TAKEN);
      server.destroy();
      await load.more(20, PUT_OFF);
      server = await bench().serve(filter);
    }
    await load.more(40, TAKEN);
    await load.stop();

    await expectNothingLost(bench(), load, 'X-Filtered: yes\r\n');
  });
});
