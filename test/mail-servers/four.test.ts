import { lastValueFrom, toArray } from 'rxjs';
import {
  accept,
  addHeader,
  addRecipient,
  changeSender,
  compose,
  deleteHeader,
  deleteRecipient,
  discard,
  type Filter,
  insertHeader,
  observe,
  on,
  onMessage,
  quarantine,
  reject,
  replaceBody,
  serve,
  type SessionOptions,
  tempfail,
} from 'rxmilter';
import { deliver, formatReply, MtaSession, parseEml, sessionDeliveries, type MtaKind } from 'rxmilter/mta';
import { simulate } from 'rxmilter/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { timeoutsOf } from '../../src/mta/client/connection-options.js';
import { optnegAnswer, scriptedMilter } from '../support/scripted-milter.js';
import { deliverByMaddy } from './support/maddy-client.js';
import type { PlainDelivery, PlainMail } from './support/milter-frames.js';
import { deliverByStalwart } from './support/stalwart-client.js';

const MESSAGE =
  'Date: now\r\nMessage-ID: <1@src.example>\r\nSubject: Lunch?\r\n\tor\r\nX-One: 1\r\n\r\nAt noon?\r\n';
const RECIPIENTS = ['bob@dst.example', 'Cid@dst.example'];

const KINDS: readonly MtaKind[] = ['postfix', 'sendmail', 'stalwart', 'maddy'];
const STRICT = { stalwart: deliverByStalwart, maddy: deliverByMaddy } as const;

const looking = (): Filter =>
  observe(['connect', 'helo', 'mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'abort'], () => undefined);

const FILTERS: Readonly<Record<string, () => Filter>> = {
  'nothing to say': () => on('eom', () => undefined),
  'a look at everything': looking,
  'headers at several places': () =>
    on('eom', () => [
      addHeader('X-A', '1'),
      addHeader('X-A', '2'),
      insertHeader('top', 'X-Top', '0'),
      insertHeader(2, 'X-In', 'folded\n\tline'),
    ]),
  'a draft': () =>
    onMessage({ body: 'none' }, ({ headers }, { draft }) => {
      draft.headers.set('Subject', `[external] ${headers.get('Subject') ?? ''}`);
      draft.headers.append('X-Low', 'yes');
    }),
  'another envelope': () =>
    on('eom', () => [
      changeSender('dan@src.example'),
      addRecipient('eve@dst.example'),
      deleteRecipient('Cid@dst.example'),
    ]),
  'a header less and an empty body': () => on('eom', () => [deleteHeader('X-One'), replaceBody('')]),
  quarantine: () => on('eom', () => [quarantine('spam'), addHeader('X-Spam', 'yes')]),
  'a refused recipient': () =>
    on('rcpt', ({ address }) => address.startsWith('bob') && reject('Bob is gone')),
  'all recipients deferred': () =>
    compose(
      looking(),
      on('rcpt', () => tempfail({ code: 450, text: 'Later' })),
    ),
  'a refused sender': () =>
    compose(
      looking(),
      on('mail', () => reject('100% no')),
    ),
  'a refused client': () =>
    compose(
      looking(),
      on('connect', () => reject({ text: ['two', 'lines'] })),
    ),
  'a client that is accepted': () =>
    compose(
      on('connect', () => accept()),
      looking(),
    ),
  'a discarded message': () =>
    compose(
      looking(),
      on('header', () => discard()),
    ),
};

beforeEach(() => void vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined));
afterEach(() => vi.restoreAllMocks());

describe.each(Object.keys(STRICT) as (keyof typeof STRICT)[])('a filter behind the simulated %s', (mta) => {
  test.each(Object.entries(FILTERS))('does what it does behind a real one: %s', async (_what, filter) => {
    const mail: PlainMail = { message: MESSAGE, recipients: RECIPIENTS };
    const [expected, there] = await served(filter(), (address) => STRICT[mta](address, mail));
    const here: string[] = [];
    const delivery = await deliver(
      { sender: 'alice@src.example', recipients: RECIPIENTS, ...parseEml(MESSAGE) },
      {
        mta,
        to: filter(),
        hostname: 'mx.example.org',
        helo: 'client.example',
        client: { host: 'client.example', family: 'inet', port: 40_000, address: '192.0.2.7' },
        session: { ...OPTIONS, trace: ({ from, text }) => void here.push(`${from} ${masked(text)}`) },
      },
    );

    expect(here).toEqual(there);
    expect(delivery.failure).toBeUndefined();
    const { outcome, sender, recipients, message, reply } = delivery;
    const result = ['refused', 'deferred'].includes(outcome) ? 'refused' : outcome;
    expect(result).toBe(expected.result);
    if (result === 'refused') {
      expect(formatReply(reply).replace(/ \(msg ID = \w+\)$/, '')).toBe(expected.reply);
    } else if (result !== 'discarded') {
      expect([sender.address, recipients.map(({ address }) => address)]).toEqual([
        expected.sender,
        expected.recipients,
      ]);
      expect(
        String(message)
          .replace(/^Received: .*\r\n(?:\t.*\r\n)*/m, '')
          .replace(/^Return-Path: .*\r\n/, ''),
      ).toBe(expected.message);
    }
  });
});

const OPTIONS: SessionOptions = { ungranted: 'skip' };

/** Serves a filter to a client of it, and tells what was said. */
async function served(
  filter: Filter,
  client: (address: string) => Promise<PlainDelivery>,
): Promise<[PlainDelivery, string[]]> {
  const said: string[] = [];
  await using server = await serve(filter, {
    ...OPTIONS,
    listen: 'inet:0@127.0.0.1',
    trace: ({ from, text }) => void said.push(`${from} ${masked(text)}`),
  });
  const delivery = await client(server.address);
  await server.close();
  return [delivery, said];
}

function masked(text: string): string {
  return text.replace(/ i=\S+/, ' i=(id)');
}

describe('a filter knows each mail server that is simulated', () => {
  test.each(KINDS)('%s', async (mta) => {
    const known: string[] = [];
    const filter = (): Filter => on(['rcpt', 'eom'], ({ session }) => void known.push(session.mta));
    await deliver({ sender: 'a@src.example', recipients: ['b@dst.example'] }, { mta, to: filter() });
    const steps = await simulate(filter(), { mta });
    await steps.rcpt();
    await steps.eom();
    await steps.close();
    expect(known).toEqual([mta, mta, mta, mta]);
  });
});

describe('with a connection for each message', () => {
  const mail = {
    sender: 'a@src.example',
    recipients: ['b@dst.example'],
    headers: [['Subject', 'x']],
  } as const;

  test.each<[MtaKind, number]>([
    ['postfix', 1],
    ['sendmail', 1],
    ['stalwart', 3],
    ['maddy', 3],
  ])('%s has %i for three', async (mta, count) => {
    const sessions = new Set<string>();
    const filter = on('eom', ({ session }) => void sessions.add(session.id));
    const deliveries = await lastValueFrom(
      sessionDeliveries([mail, mail, mail], { mta, to: filter, transcript: true }).pipe(toArray()),
    );
    expect(deliveries.map(({ outcome }) => outcome)).toEqual(['delivered', 'delivered', 'delivered']);
    expect(sessions.size).toBe(count);
    // Each transcript is that of its message.
    for (const { transcript } of deliveries) {
      const sent = transcript.flatMap((one) => one.sent.map(({ type }) => type));
      expect(sent.filter((type) => type === 'eom')).toHaveLength(1);
    }
  });

  test.each<[MtaKind, kept: number, last: number]>([
    ['postfix', 1, 0],
    ['stalwart', 3, 1],
    ['maddy', 3, 1],
  ])('the transcript of %s has %i negotiations of three messages, or %i', async (mta, kept, last) => {
    for (const [transcript, count] of [
      [true, kept],
      [false, last],
    ] as const) {
      const session = await MtaSession.open({ mta, to: looking(), transcript });
      for (let time = 0; time < 3; time++) await session.send(mail);
      const all = session.transcript.flatMap(({ sent }) => sent.map(({ type }) => type));
      expect(all.filter((type) => type === 'optneg')).toHaveLength(count);
      await session.close();
    }
  });

  test('a recipient whom the client names twice is told of once', async () => {
    const heard: Record<string, number> = {};
    for (const mta of KINDS) {
      let count = 0;
      const to = on('rcpt', () => {
        count++;
      });
      await deliver({ ...mail, recipients: ['b@dst.example', 'b@dst.example'] }, { mta, to });
      heard[mta] = count;
    }
    expect(heard).toEqual({ postfix: 2, sendmail: 2, stalwart: 1, maddy: 1 });
  });

  test('a recipient whom maddy refuses itself is not told of, whatever the milter asks for', async () => {
    await using milter = await scriptedMilter({ O: optnegAnswer(0x800) });
    const refused = { address: 'c@dst.example', refused: { code: 550, lines: ['Gone'] } };
    const recipients = ['b@dst.example', refused];
    const { outcome } = await deliver({ ...mail, recipients }, { mta: 'maddy', to: milter.address });
    expect([outcome, milter.heard]).toEqual(['delivered', ['ODCCHDMMRLNEAQ']]);
  });

  test.each(['stalwart', 'maddy'] as const)('a failure of one costs %s no other', async (mta) => {
    let count = 0;
    const filter = on('eom', () => {
      if (++count === 1) throw new Error('broken');
    });
    const session = await MtaSession.open({ mta, to: filter });
    expect((await session.send(mail)).outcome).toBe('deferred');
    expect((await session.send(mail)).outcome).toBe('delivered');
    expect(session.transcript.length).toBeGreaterThan(0);
    await session.close();
  });

  test.each(['stalwart', 'maddy'] as const)(
    'a milter that is not there costs %s each message',
    async (mta) => {
      const session = await MtaSession.open({ mta, to: 'inet:1@127.0.0.1' });
      for (let time = 0; time < 2; time++) {
        const { outcome, failure } = await session.send(mail);
        expect([outcome, failure?.kind]).toEqual(['deferred', 'connect']);
      }
      await session.close();
    },
  );

  test.each(['stalwart', 'maddy'] as const)(
    '%s tells nothing of what is not about a message',
    async (mta) => {
      const seen: string[] = [];
      const filter = observe(
        ['connect', 'helo', 'mail', 'rcpt', 'unknown', 'abort', 'close'],
        ({ stage }) => {
          seen.push(stage);
        },
      );
      const session = await MtaSession.open({ mta, to: filter });
      await session.helo('again.example');
      expect((await session.unknown('frobnicate all')).code).toBe(500);
      const given = await session.send({ ...mail, reset: 'mail' });
      expect([given.outcome, given.steps.at(-1)?.reply.code]).toEqual(['abandoned', 250]);
      await session.close();
      expect(seen).toEqual([]);
    },
  );

  test('maddy gives a message up with ABORT and QUIT after a recipient, Stalwart has told nothing', async () => {
    const heard: Record<string, string[]> = {};
    for (const mta of ['stalwart', 'maddy'] as const) {
      const { transcript } = await deliver({ ...mail, reset: 'rcpt' }, { mta, to: looking() });
      heard[mta] = transcript.flatMap(({ sent }) => sent.map(({ type }) => type)).slice(-3);
    }
    expect(heard).toEqual({ stalwart: [], maddy: ['rcpt', 'abort', 'quit'] });
  });
});

test('each mail server tells of the client and of arguments what it does', async () => {
  const told: Record<string, unknown> = {};
  const noting = (mta: string): Filter =>
    on('mail', ({ session, params }) => {
      told[mta] = [session.client.host, session.macros.get('client_ptr'), Object.keys(params).join()];
    });
  for (const mta of KINDS) {
    for (const host of ['ptr.example', '[192.0.2.1]']) {
      await deliver(
        {
          sender: { address: 'a@src.example', args: ['BODY=8BITMIME', 'smtputf8'] },
          recipients: ['b@dst.example'],
          client: { host },
          helo: 'me.example',
        },
        { mta, to: noting(`${mta} ${host}`) },
      );
    }
  }
  expect(told).toEqual({
    'postfix ptr.example': ['ptr.example', undefined, 'BODY,SMTPUTF8'],
    'postfix [192.0.2.1]': ['[192.0.2.1]', undefined, 'BODY,SMTPUTF8'],
    'sendmail ptr.example': ['ptr.example', undefined, 'BODY,SMTPUTF8'],
    'sendmail [192.0.2.1]': ['[192.0.2.1]', undefined, 'BODY,SMTPUTF8'],
    'stalwart ptr.example': ['ptr.example', 'ptr.example', ''],
    'stalwart [192.0.2.1]': ['me.example', 'unknown', ''],
    'maddy ptr.example': ['me.example', undefined, 'SMTPUTF8'],
    'maddy [192.0.2.1]': ['me.example', undefined, 'SMTPUTF8'],
  });
});

test('each mail server waits as long as it does', () => {
  expect(KINDS.map((mta) => timeoutsOf({ mta }))).toMatchObject([
    { connect: 30_000, command: 30_000, content: 300_000, eom: 600_000 },
    { connect: 30_000, command: 30_000, content: 300_000, eom: 600_000 },
    { connect: 30_000, command: 60_000, content: 60_000, eom: Infinity },
    { connect: 10_000, command: 10_000, content: 10_000, eom: Infinity },
  ]);
  expect(timeoutsOf({ mta: 'maddy', timeouts: { command: 5 } })).toMatchObject({
    command: 5,
    content: 10_000,
  });
});

test('a sender who is refused is refused by maddy at each recipient, by Stalwart at the end', async () => {
  const mail = { sender: 'a@src.example', recipients: ['b@dst.example', 'c@dst.example'] };
  const told: Record<string, string[]> = {};
  for (const mta of KINDS) {
    const { steps } = await deliver(mail, { mta, to: on('mail', () => reject('No')) });
    told[mta] = steps.map(({ command, reply }) => `${command} ${reply.code}`);
  }
  expect(told).toEqual({
    postfix: ['connect 220', 'helo 250', 'mail 550'],
    sendmail: ['connect 220', 'helo 250', 'mail 550'],
    stalwart: ['connect 220', 'helo 250', 'mail 250', 'rcpt 250', 'rcpt 250', 'data 354', 'message 550'],
    maddy: ['connect 220', 'helo 250', 'mail 250', 'rcpt 550', 'rcpt 550'],
  });
});

test('a name that is none is an error that names the nearest', async () => {
  const mail = { sender: 'a@src.example', recipients: ['b@dst.example'] };
  await expect(deliver(mail, { to: looking(), mta: 'stalward' as MtaKind })).rejects.toThrow(
    /mta.*'postfix', 'sendmail', 'stalwart', 'maddy'.*stalwart/,
  );
});
