import { map } from 'rxjs';
import {
  remote,
  compose,
  observe,
  on,
  perMessage,
  answer,
  when,
  allow,
  reject,
  type Modification,
  type Outcome,
  SMFIP,
} from 'rxmilter';
import { type ClientMail, MtaConnection, type MtaEvent, MtaSession, deliver } from 'rxmilter/mta';
import { describe, expect, it } from 'vitest';

import { stepsOf, tagsOf } from '../../../src/operators/core/filter.js';
import { ALL_STAGES, BIT } from '../../../src/session/stage.js';
import { eventually } from '../../docs/support/eventually.js';
import { optnegAnswer } from '../../support/scripted-milter.js';
import { counted, scripted, served } from '../support/milters.js';

const MAIL: ClientMail = {
  sender: 'alice@example.com',
  recipients: ['bob@example.org'],
  headers: [['Subject', 'hello']],
  body: 'Hello.\n',
};

describe('remote()', () => {
  it('has one connection for each SMTP session, and says goodbye at its end', async () => {
    const milter = await scripted();
    const session = await MtaSession.open({ to: remote(milter.address) });
    await session.send(MAIL);
    await session.send(MAIL);
    const message = 'DMMDRRDTTDLLDNNDBBDEEA';
    await eventually('told of both', () => milter.heard[0] === `ODCCDHH${message}${message}`);
    await session.close();
    await eventually('said goodbye', () => milter.heard[0] === `ODCCDHH${message}${message}Q`);
    expect(milter.heard).toHaveLength(1);
  });

  it('connects at the first event that needs it, and then tells what came before', async () => {
    const milter = await scripted();
    const heard: (string | undefined)[] = [];
    const filter = compose(
      observe(['mail', 'rcpt', 'data'], () => void heard.push(milter.heard[0])),
      remote(milter.address, { stages: ['header', 'eom'] }),
    );
    await deliver(MAIL, { to: filter });
    expect(heard).toEqual([undefined, undefined, undefined]);
    await eventually('told', () => milter.heard[0] === 'ODCCDHHDMMDRRDLLDNNDEEAQ');
    expect(milter.frames.slice(1, 4).map((frame) => Buffer.from(frame, 'hex').toString('latin1', 5))).toEqual(
      [
        expect.stringMatching(/^client\.example/),
        expect.stringMatching(/^client\.example/),
        '<alice@example.com>\0',
      ],
    );
  });

  it('is no concern of sessions that never need it', async () => {
    const milter = await scripted();
    const filter = compose(
      on('mail', () => reject()),
      remote(milter.address, { stages: ['mail', 'eom'] }),
    );
    await deliver(MAIL, { to: filter });
    expect(milter.heard).toEqual([]);
  });

  it('leaves later filters their say where the milter accepts', async () => {
    const milter = await scripted({ M: 'R04' });
    const filter = compose(
      remote(milter.address),
      on('rcpt', () => reject('not here')),
    );
    expect(await deliver(MAIL, { to: filter })).toMatchObject({ reply: { lines: ['not here'] } });
    await eventually('told no more', () => milter.heard[0] === 'ODCCDHHDMMAQ');
  });

  it('asks no more in a session whose client the milter has accepted', async () => {
    const milter = await scripted({ C: 'R04' });
    const session = await MtaSession.open({ to: remote(milter.address) });
    expect(await session.send(MAIL)).toMatchObject({ outcome: 'delivered' });
    expect(await session.send(MAIL)).toMatchObject({ outcome: 'delivered' });
    await session.close();
    expect(milter.heard).toEqual(['ODCC']);
  });

  it('shows later filters the rest of a body of which the milter has seen enough', async () => {
    const milter = await scripted({ O: optnegAnswer(SMFIP.SKIP), B: 'R08' });
    let bytes = 0;
    const filter = compose(
      remote(milter.address),
      observe('body', ({ chunk }) => void (bytes += chunk.length)),
    );
    await deliver({ ...MAIL, body: Buffer.alloc(300_000, 'x\r\n') }, { to: filter });
    expect(bytes).toBe(300_000);
    expect(milter.heard[0]?.match(/DBB/g)).toHaveLength(1);
  });

  it('puts what the milter wants changed on the event, for later filters', async () => {
    const milter = await scripted({ E: ['R16', 'R20', 'R19', 'R22', 'R24', 'R27', 'R32', 'R03'] });
    let seen: readonly Modification[] = [];
    const filter = compose(
      on('eom', () => ({ kind: 'addHeader', name: 'X-Mine', value: '1' }) as const),
      remote(milter.address),
      observe('eom', ({ modifications }) => void (seen = modifications)),
    );
    await deliver(MAIL, { to: filter });
    const bytes = (text: string): Buffer => Buffer.from(text);
    expect(seen).toEqual([
      { kind: 'addHeader', name: 'X-Mine', value: '1' },
      { kind: 'deleteHeader', name: 'X-Spam', index: 2 },
      {
        kind: 'addRecipient',
        address: bytes('<dave@example.org>'),
        args: ['NOTIFY=NEVER', 'ORCPT=rfc822;dave@example.org'],
      },
      { kind: 'changeSender', address: bytes('<bounce@example.com>'), args: [] },
      { kind: 'quarantine', reason: bytes('policy hold') },
      { kind: 'insertHeader', position: 'top', name: 'X-Top', value: bytes('1') },
      {
        kind: 'insertHeader',
        position: 1,
        name: 'Authentication-Results',
        value: bytes('mx.example.org; none'),
      },
      { kind: 'addHeader', name: 'X-Test', value: bytes('yes') },
    ]);
  });

  it('stands in a pipeline more than once', async () => {
    const [one, two] = [await scripted({ E: ['R16', 'R03'] }), await scripted({ E: ['R19', 'R04'] })];
    const { headers } = await deliver(MAIL, { to: compose(remote(one.address), remote(two.address)) });
    expect(headers.map(({ name }) => name)).toEqual(['X-Top', 'Received', 'Subject', 'X-Test']);
  });

  it('tells a milter on a Unix socket as well', async () => {
    const { mkdtemp, rm } = await import('node:fs/promises');
    const directory = await mkdtemp('/tmp/rxmilter-remote-');
    const { serve } = await import('../../../src/server/serve.js');
    const server = await serve(
      on('rcpt', () => reject('no')),
      { listen: `unix:${directory}/milter.sock` },
    );
    try {
      const { reply } = await deliver(MAIL, { to: remote(server.address) });
      expect(reply.lines).toEqual(['no']);
    } finally {
      await server.close();
      await rm(directory, { recursive: true });
    }
  });

  it('is asked only about messages that are routed to it, and told what came before', async () => {
    const milter = await scripted({ R: 'R10' });
    const isOutbound = when(
      ({ session }) => session.macros.get('auth_authen') !== undefined,
      remote(milter.address),
    );
    const session = await MtaSession.open({ to: isOutbound });
    expect(await session.send(MAIL)).toMatchObject({ outcome: 'delivered' });
    expect(milter.heard).toEqual([]);
    expect(await session.send({ ...MAIL, macros: { '{auth_authen}': 'alice' } })).toMatchObject({
      reply: { lines: ['No such user here'] },
    });
    expect(await session.send(MAIL)).toMatchObject({ outcome: 'delivered' });
    await session.close();
    await eventually('told', () => milter.heard[0] === 'ODCCDHHDMMDRRAQ');
  });

  it('within perMessage has a connection for each message, which ends with it', async () => {
    const { address } = await scripted({ E: ['R16', 'R03'] });
    const proxy = await counted(address);
    const session = await MtaSession.open({ to: perMessage(() => remote(proxy.address)) });
    for (let sent = 1; sent <= 3; sent++) {
      expect((await session.send(MAIL)).headers.at(-1)?.name).toBe('X-Test');
      await eventually('closed', () => proxy.open === 0);
      expect(proxy.made).toBe(sent);
    }
    await session.close();
  });

  it('tells the milter what an earlier filter has let pass, and takes no answer to it', async () => {
    const milter = await scripted({ R: 'R05', E: ['R16', 'R03'] });
    const filter = compose(
      on(['rcpt', 'header'], () => allow()),
      remote(milter.address),
    );
    const { outcome, headers } = await deliver(MAIL, { to: filter });
    expect(outcome).toBe('delivered');
    expect(headers.at(-1)?.name).toBe('X-Test');
    await eventually('told', () => milter.heard[0] === 'ODCCDHHDMMDRRDTTDLLDNNDBBDEEAQ');
  });

  it('does not tell the milter what an earlier filter has refused', async () => {
    const milter = await scripted();
    const filter = compose(
      on('rcpt', ({ address }) => address.startsWith('absent') && reject()),
      remote(milter.address),
    );
    await deliver({ ...MAIL, recipients: ['absent@example.org', 'bob@example.org'] }, { to: filter });
    await eventually('told', () => milter.heard[0] === 'ODCCDHHDMMDRRDTTDLLDNNDBBDEEAQ');
    expect(milter.frames.join('')).not.toContain(Buffer.from('absent').toString('hex'));
  });

  it('does not ask the milter about an end that an earlier filter has taken', async () => {
    const milter = await scripted({ E: ['R16', 'R03'] });
    const filter = compose(
      (flow$) => flow$.pipe(map((flow) => (flow.stage === 'eom' ? answer(flow, allow()) : flow))),
      remote(milter.address),
    );
    expect(await deliver(MAIL, { to: filter })).toMatchObject({ outcome: 'delivered', modifications: [] });
    await eventually('told', () => milter.heard[0] === 'ODCCDHHDMMDRRDTTDLLDNNDBBAQ');
  });

  it('aborts a message that is over without the milter knowing', async () => {
    const milter = await scripted();
    const filter = compose(
      remote(milter.address),
      on('data', () => reject()),
    );
    await deliver(MAIL, { to: filter });
    await eventually('told', () => milter.heard[0] === 'ODCCDHHDMMDRRDTTAQ');
  });

  it('holds what the milter decides late for all that it is about', async () => {
    const client = await scripted({ C: 'R10' });
    const stages = ['rcpt', 'eom'] as const;
    const session = await MtaSession.open({ to: remote(client.address, { stages }) });
    const two = { ...MAIL, recipients: ['a@b.test', 'c@d.test'] };
    expect((await session.send(two)).refused.map(({ address }) => address)).toEqual(['a@b.test', 'c@d.test']);
    expect((await session.send(two)).refused.map(({ address }) => address)).toEqual(['a@b.test', 'c@d.test']);
    expect(client.heard).toEqual(['ODCC']);

    const sender = await scripted({
      M: (socket, _data, count) => socket.write(count === 1 ? REJECT : GO_ON),
    });
    const other = await MtaSession.open({ to: remote(sender.address, { stages }) });
    expect((await other.send(two)).refused.map(({ address }) => address)).toEqual(['a@b.test', 'c@d.test']);
    expect((await other.send(two)).refused.map(({ address }) => address)).toEqual([]);
    await other.close();
  });

  it('has recipients stay that the milter refuses when it is told of them late', async () => {
    const milter = await scripted({ R: 'R10', E: ['R16', 'R03'] });
    const two = { ...MAIL, recipients: ['a@b.test', 'c@d.test'] };
    const delivery = await deliver(two, { to: remote(milter.address, { stages: ['eom'] }) });
    expect(delivery).toMatchObject({ outcome: 'delivered', refused: [] });
    expect(delivery.headers.at(-1)?.name).toBe('X-Test');
    await eventually('told', () => milter.heard[0] === 'ODCCDHHDMMDRRDRRDNNDEEAQ');
    const gone = await scripted({ R: 'R07' });
    const discarded = await deliver(two, { to: remote(gone.address, { stages: ['header'] }) });
    expect(discarded.outcome).toBe('discarded');
  });

  it('tells of another greeting, too', async () => {
    const milter = await scripted();
    const mta = await MtaConnection.open(remote(milter.address, { stages: ['rcpt'] }));
    const ask = async (...events: readonly MtaEvent[]): Promise<void> => {
      for (const event of events) await mta.ask(event);
    };
    const [mail, rcpt] = [
      { type: 'mail', address: '<a@b.test>', args: [] },
      { type: 'rcpt', address: '<c@d.test>', args: [] },
    ] as const;
    await ask({ type: 'connect', host: 'h', family: 'inet', port: 1, address: '192.0.2.1' });
    await ask({ type: 'helo', text: 'one' }, mail, rcpt);
    await mta.abort();
    await ask(mail, rcpt);
    await mta.abort();
    await ask({ type: 'helo', text: 'two' }, mail, rcpt);
    await mta.quit();
    await eventually('told', () => milter.heard[0] === 'ODCCDHHDMMDRRADMMDRRADHHDMMDRRAQ');
  });

  it('passes macros on by the names that they have on the wire, and those that are given beside them', async () => {
    const milter = await scripted();
    const macros = { '{daemon_name}': 'ORIGINATING', '{auth_type}': 'PLAIN' };
    await deliver(
      { ...MAIL, macros: { '{auth_authen}': 'alice' } },
      { to: remote(milter.address, { macros }), hostname: 'mx.example.org' },
    );
    const [connect, , mail] = milter.macros.map((frame) => Buffer.from(frame, 'hex').toString('latin1', 5));
    expect(connect).toContain('Cj\0mx.example.org\0{daemon_name}\0ORIGINATING\0');
    expect(mail).toContain('{auth_type}\0PLAIN\0{auth_authen}\0alice\0');
  });

  it('offers what the MTA lets it do, and the blank only where it is kept', async () => {
    const milter = await scripted({ O: optnegAnswer(0, 0) });
    const offered = async (session: object, offer: object = {}): Promise<string | undefined> => {
      await deliver(MAIL, { to: remote(milter.address, { stages: ['eom'] }), session, offer });
      return milter.frames.filter((frame) => frame.startsWith('0000000d4f')).at(-1);
    };
    expect(await offered({})).toBe('0000000d4f00000006000001ff000ff7ff');
    expect(await offered({ leadingSpace: true })).toBe('0000000d4f00000006000001ff001ff7ff');
    expect(await offered({ leadingSpace: true }, { protocol: 0 })).toBe('0000000d4f00000006000001ff001ff7ff');
    expect(await offered({ rejectedRecipients: true })).toBe('0000000d4f00000006000001ff000fffff');
    expect(await offered({}, { actions: 0x3f })).toBe('0000000d4f000000060000013f000ff7ff');
  });

  it('shows a milter that wants them the recipients that the MTA rejects, whatever it makes of them', async () => {
    const milter = await scripted({ O: optnegAnswer(SMFIP.RCPT_REJ), R: 'R04' });
    const outcomes: Outcome[] = [];
    const refused = { address: 'absent@example.org', refused: { code: 550, lines: ['Who?'] } };
    const { outcome } = await deliver(
      { ...MAIL, recipients: [refused, 'bob@example.org'] },
      {
        to: remote(milter.address),
        session: { rejectedRecipients: true },
        outcome: (one) => void outcomes.push(one),
      },
    );
    expect(outcome).toBe('delivered');
    expect(milter.frames.join('')).toContain(Buffer.from('<absent@').toString('hex'));
    expect(outcomes.flatMap(({ error }) => error ?? [])).toEqual([]);
  });

  it('leaves no connection behind', async () => {
    const proxy = await served(
      on('eom', () => ({ kind: 'addHeader', name: 'X-Test', value: 'yes' }) as const),
    );
    const filter = remote(proxy.address);
    await Promise.all(
      Array.from({ length: 50 }, async (_none, at) => {
        const { headers } = await deliver({ ...MAIL, body: 'x'.repeat(at * 1000) }, { to: filter });
        expect(headers.at(-1)?.name).toBe('X-Test');
      }),
    );
    await eventually('all closed', () => proxy.open === 0);
    expect(proxy.made).toBe(50);
  });

  it('decides the stages that it is asked about, and sees who connects, greets and sends', () => {
    const seen = BIT.connect | BIT.helo | BIT.mail | BIT.rcpt;
    const tags = (filter: ReturnType<typeof remote>): object => tagsOf(stepsOf(filter));
    expect(tags(remote('inet:1@127.0.0.1'))).toEqual({
      decides: ALL_STAGES,
      observes: seen,
      wishes: [],
      readers: 1,
    });
    expect(tags(remote('inet:1@127.0.0.1', { stages: ['body', 'eom'] }))).toEqual({
      decides: BIT.body | BIT.eom,
      observes: seen,
      wishes: [],
      readers: 1,
    });
  });

  it.each([
    [() => remote('inet:localhost'), /endpoint/],
    [() => remote('inet:0@127.0.0.1'), 'remote(): port 0 is for those who listen.'],
    [
      () => remote('inet:1', { failure: 'acept' as 'pass' }),
      "remote(): failure is 'acept'; it has to be 'tempfail' or 'pass' or a decision",
    ],
    [() => remote('inet:1', { failure: { kind: 'discard' } as never }), 'discard() is not legal there.'],
    [
      () => remote('inet:1', { timeouts: { reply: 1 } as object }),
      'remote(): there is no option timeouts.reply. There are command, connect,',
    ],
    [
      () => remote('inet:1', { timeouts: { eom: 0 } }),
      'remote(): timeouts.eom is 0; it has to be a number of milliseconds from 1',
    ],
    [() => remote('inet:1', { stages: ['eob' as 'eom'] }), "remote(): stages[0] is 'eob'"],
    [
      () => remote('inet:1', { macros: { daemon_name: 'x' } }),
      "is no name of a macro. Did you mean '{daemon_name}'?",
    ],
    [
      () => remote('inet:1', { macros: { i: 1 as never } }),
      'it has to be an object with strings without NUL',
    ],
  ])('refuses what makes no sense: %s', (make, message) => {
    expect(make).toThrow(message);
  });
});

const REJECT = Buffer.from('0000000172', 'hex');
const GO_ON = Buffer.from('0000000163', 'hex');
