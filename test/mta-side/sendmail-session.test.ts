import { on, reject, tempfail, type SessionInfo } from 'rxmilter';
import {
  deliver,
  type Delivery,
  formatReply,
  type ClientMail,
  MtaSession,
  type MtaSessionOptions,
} from 'rxmilter/mta';
import { afterEach, describe, expect, it } from 'vitest';

import {
  optnegAnswer,
  scriptedMilter,
  type Script,
  type ScriptedMilter,
} from '../support/scripted-milter.js';
import { frames, hex } from '../support/vectors.js';

const MAIL: ClientMail = {
  sender: 'alice@example.com',
  recipients: ['bob@example.org'],
  headers: [['Subject', 'Hello']],
  body: 'Hi\n',
};

let milter: ScriptedMilter | undefined;
afterEach(() => milter?.[Symbol.asyncDispose]());

async function send(
  script: Script = {},
  mail: Partial<ClientMail> = {},
  options: Partial<MtaSessionOptions> = {},
): Promise<Delivery> {
  milter = await scriptedMilter(script);
  return deliver({ ...MAIL, ...mail }, { to: milter.address, mta: 'sendmail', ...options });
}

const heard = (): string => milter?.heard.join(' ') ?? '';
const macros = (): string[] =>
  (milter?.macros ?? []).map((frame) => hex(frame).toString('latin1', 5).replaceAll('\0', ' '));
const told = ({ steps }: Delivery, command: string): string[] =>
  steps.filter((step) => step.command === command).map(({ reply }) => formatReply(reply));

/** An answer to the offer that asks for these lists of macros. */
function asking(...lists: [stage: number, names: string][]): string {
  const data = lists.map(([stage, names]) =>
    Buffer.from(`\0\0\0${String.fromCharCode(stage)}${names}\0`, 'latin1'),
  );
  const answer = Buffer.concat([hex(optnegAnswer(0)), ...data]);
  answer.writeUInt32BE(answer.length - 4);
  return answer.toString('hex');
}

describe('an MTA that is Sendmail', () => {
  it('sends macros only where it has some to send, and no abort after a message', async () => {
    await send();
    expect(heard()).toBe('ODCCDHHDMMDRRTLNBDEEQ');
    expect(macros().map((one) => one.replace(/i \w+ /, 'i ID ').replace(/<[\w.]+@/, '<ID@'))).toEqual([
      'Cj mta.example.org _ client.example.com [192.0.2.1] {daemon_name} MTA {if_name} mta.example.org {if_addr} 198.51.100.1 ',
      'H',
      'Mi ID {mail_mailer} esmtp {mail_host} example.com. {mail_addr} alice@example.com ',
      'R{rcpt_mailer} esmtp {rcpt_host} example.org. {rcpt_addr} bob@example.org ',
      'E{msg_id} <ID@mta.example.org> ',
    ]);
  });

  it('gives the id of the message that the client gave it', async () => {
    await send({}, { headers: [['message-id', '<own@example.com>']] });
    expect(macros().at(-1)).toBe('E{msg_id} <own@example.com> ');
  });

  it('sends what was asked for, at data and eoh too', async () => {
    await send({ O: asking([4, 'i'], [6, 'i'], [5, 'i'], [2, '']) });
    expect(heard()).toBe('ODCCDHHMDRRDTTLDNNBDEEQ');
    expect(
      macros()
        .slice(-3)
        .map((one) => one.slice(0, 2)),
    ).toEqual(['Ti', 'Ni', 'Ei']);
  });

  it.each([
    ['eom alone', [[5, 'i']], 'ODCCDHHDMMDRRTLNBDEEQ', 'E{msg_id}'],
    ['eoh alone', [[6, 'i']], 'ODCCDHHDMMDRRTLDNNBEQ', 'Ni'],
    ['nothing at all', [0, 1, 2, 3, 4, 5, 6].map((stage) => [stage, '']), 'OCHMRTLNBEQ', undefined],
  ] as [string, [number, string][], string, string | undefined][])(
    'takes lists for %s as Sendmail does',
    async (_name, lists, letters, last) => {
      await send({ O: asking(...lists) });
      expect(heard()).toBe(letters);
      expect(macros().at(-1)?.split(' ')[0]?.replace(/i$/, 'i')).toBe(last);
    },
  );

  it('writes IPv6 addresses with a prefix, and a filter is told none', async () => {
    const client = {
      family: 'inet6',
      address: '2001:db8::25',
      host: '[IPv6:2001:db8::25]',
      port: 25_000,
    } as const;
    await send({}, { client });
    expect(milter?.frames).toContain(frames('C04').toString('hex'));
    let seen: SessionInfo | undefined;
    await deliver(
      { ...MAIL, client },
      { mta: 'sendmail', to: on('connect', ({ session }) => void (seen = session)) },
    );
    expect(seen?.client).toMatchObject({ family: 'inet6', address: '2001:db8::25' });
  });

  it('is known to a filter', async () => {
    const seen: string[] = [];
    const filter = on('eom', ({ session }) => void seen.push(session.mta));
    for (const mta of ['sendmail', 'postfix', undefined] as const) await deliver(MAIL, { mta, to: filter });
    expect(seen).toEqual(['sendmail', 'postfix', 'postfix']);
  });

  it('says good-bye to a milter that has decided about the session', async () => {
    expect((await send({ C: 'R04' })).outcome).toBe('delivered');
    expect(heard()).toBe('ODCCQ');
  });

  it('makes the headers that are missing', async () => {
    const { headers } = await send({}, { headers: [['From', 'a@b.test']] });
    expect(headers.map(({ name }) => name)).toEqual(['Received', 'Date', 'Message-Id', 'From']);
    expect((await send({}, { sender: '' })).headers[2]).toMatchObject({
      name: 'From',
      value: 'MAILER-DAEMON@mta.example.org',
    });
  });

  it('has a recipient once, in its own case, and deletes whom an address means', async () => {
    const recipients = ['bob@example.org', 'bob@example.org', 'bob@EXAMPLE.org', 'Bob@example.org'];
    const { recipients: left, removed } = await send({ E: ['R26', 'R04'] }, { recipients });
    expect([left, removed].map((list) => list.map(({ address }) => address))).toEqual([
      ['bob@EXAMPLE.org', 'Bob@example.org'],
      ['bob@example.org'],
    ]);
  });
});

describe('a client of Sendmail', () => {
  it('is told in its words that all is well', async () => {
    const { steps } = await send();
    expect(steps.map(({ reply }) => formatReply(reply).replace(/ \w{10} /, ' ID '))).toEqual([
      '220 mta.example.org ESMTP',
      '250 mta.example.org',
      '250 2.1.0 <alice@example.com>... Sender ok',
      '250 2.1.5 <bob@example.org>... Recipient ok',
      '354 End data with <CR><LF>.<CR><LF>',
      '250 2.0.0 ID Message accepted for delivery',
    ]);
  });

  // What Sendmail 8.17.1 says to the same.
  it.each([
    ['connect', reject(), 'connect', '554 mta.example.org ESMTP not accepting messages'],
    ['connect', reject('no'), 'mail', '550 5.0.0 Command rejected'],
    ['connect', tempfail('later'), 'mail', '451 4.3.2 Please try again later'],
    [
      'connect',
      tempfail({ code: 421, text: 'bye' }),
      'connect',
      '421 4.7.0 mta.example.org closing connection',
    ],
    ['helo', reject(), 'mail', '550 5.0.0 Command rejected'],
    ['helo', reject('no'), 'mail', '550 5.7.1 no'],
    ['mail', reject(), 'mail', '550 5.7.1 <alice@example.com>... Command rejected'],
    ['mail', tempfail(), 'mail', '451 4.3.2 Please try again later'],
    ['mail', tempfail({ code: 450, text: 'no' }), 'mail', '450 4.0.0 <alice@example.com>... no'],
    ['rcpt', reject('no'), 'rcpt', '550 5.7.1 <bob@example.org>... no'],
    ['rcpt', reject({ code: 554, text: 'no' }), 'rcpt', '554 5.0.0 no'],
    [
      'rcpt',
      reject({ text: ['no', 'really'] }),
      'rcpt',
      '550-5.7.1 <bob@example.org>... no\r\n550 5.7.1 really',
    ],
    ['data', reject(), 'data', '550 5.7.1 Command rejected'],
    ['header', reject(), 'message', '554 5.7.1 Command rejected'],
    ['eom', reject(), 'message', '554 5.7.1 Command rejected'],
    ['eom', reject('no'), 'message', '550 5.7.1 no'],
    ['eom', tempfail(), 'message', '451 4.3.2 Please try again later'],
  ] as const)('whose %s is refused with %j, is told at %s: %s', async (stage, decision, command, reply) => {
    const delivery = await deliver(MAIL, { mta: 'sendmail', to: on(stage, () => decision) });
    expect(told(delivery, command)).toEqual([reply]);
  });

  it.each([
    ['M', 'mail', '550 5.7.1 <alice@example.com>... Command rejected'],
    ['E', 'message', '554 5.7.1 Command rejected'],
  ])(
    'is refused where the milter fails at %s, if that is what it is to be',
    async (letter, command, reply) => {
      const delivery = await send({ [letter]: (socket) => socket.destroy() }, {}, { onFailure: 'reject' });
      expect(told(delivery, command)).toEqual([reply]);
    },
  );

  it('gets the enhanced code that a milter left out', async () => {
    const delivery = await send({ R: 'R36' });
    expect(told(delivery, 'rcpt')).toEqual(['550 5.0.0 <bob@example.org>... Plain text']);
  });

  it('that gives a message up, makes Sendmail say so, unless the milter has decided on its content or not replied to it', async () => {
    await send({}, { reset: 'rcpt' });
    expect(heard()).toBe('ODCCDHHDMMDRRAQ');
    for (const script of [{ M: 'R05' }, { L: 'R05' }, { E: 'R05' }, { M: 'R07' }, { B: 'R07' }]) {
      await milter?.[Symbol.asyncDispose]();
      await send(script);
      expect(heard()).not.toContain('A');
    }
    for (const script of [{ T: 'R05' }, { T: 'R07' }, { R: 'R07' }]) {
      await milter?.[Symbol.asyncDispose]();
      await send(script);
      expect(heard()).toMatch(/AQ$/);
    }
    await milter?.[Symbol.asyncDispose]();
    await send({ O: optnegAnswer(0x4000), M: '' }, { reset: 'rcpt' });
    expect(heard()).toBe('ODCCDHHDMMDRRQ');
  });

  it('says something that is no command', async () => {
    const session = await MtaSession.open({ mta: 'sendmail', to: on('unknown', () => undefined) });
    expect(formatReply(await session.unknown('FROB'))).toBe('500 5.5.1 Command unrecognized: "FROB"');
    await session.close();
  });
});

describe('an MTA that is unknown', () => {
  it.each(['exim', '', 1])('%j is refused', async (mta) => {
    const sent = deliver(MAIL, { mta: mta as never, to: on('eom', () => undefined) });
    await expect(sent).rejects.toThrow(/mta is .*; it has to be one of 'postfix', 'sendmail'/);
  });
});
