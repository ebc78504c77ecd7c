import { expect, test } from 'vitest';
import { addHeader, on } from '../../../src/index.js';
import { describeMtas } from '../support/describe-mtas.js';
import { eventually } from '../support/eventually.js';
import type { MtaBench } from '../support/mta-bench.js';
import { SmtpLoad } from '../support/smtp-load.js';

const CLIENTS = 8;
const TAKEN = '2';
const PUT_OFF = '4';
const filter = on('eom', () => addHeader('X-Filtered', 'yes'));

/** Waits until so many more messages have got such an answer. */
async function more(load: SmtpLoad, count: number, kind: string): Promise<void> {
  const goal = load.count(kind) + count;
  await eventually(`${count} more answers like ${kind}xx`, () => load.count(kind) >= goal);
}

/** Every message was answered with 250 and delivered once, filtered, or put off and not delivered at all. */
async function expectNothingLost(bench: MtaBench, load: SmtpLoad): Promise<void> {
  await bench.idle();
  expect(await bench.held()).toEqual([]);
  const taken = [...load.replies].filter(([, reply]) => reply.startsWith(TAKEN)).map(([subject]) => subject);
  const others = [...load.replies.values()].filter(
    (reply) => !reply.startsWith(TAKEN) && !reply.startsWith(PUT_OFF),
  );
  const delivered = bench.sink.kept.map(({ data }) => data.toString());

  expect(others).toEqual([]);
  expect(delivered.map((text) => /^Subject: (.+)\r$/m.exec(text)?.[1]).sort()).toEqual(taken.sort());
  expect(delivered.filter((text) => !text.includes('X-Filtered: yes\r\n'))).toEqual([]);
}

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
      await more(load, 40, TAKEN);
      await server.close();
      await more(load, 20, PUT_OFF);
      server = await bench().serve(filter);
    }
    await more(load, 40, TAKEN);
    await load.stop();

    await expectNothingLost(bench(), load);
  });

  test('a filter that is destroyed and served again loses nothing either', async () => {
    bench().tolerate(AWAY[mta]);
    let server = await bench().serve(filter);
    const load = new SmtpLoad(bench(), 'tempfail', CLIENTS);
    for (let round = 0; round < 3; round++) {
      await more(load, 40, TAKEN);
      server.destroy();
      await more(load, 20, PUT_OFF);
      server = await bench().serve(filter);
    }
    await more(load, 40, TAKEN);
    await load.stop();

    await expectNothingLost(bench(), load);
  });
});
