import {
  accept,
  addHeader,
  compose,
  discard,
  observe,
  on,
  onMessage,
  quarantine,
  reject,
  serve,
  skip,
  tempfail,
  type Filter,
  type MessageOutcome,
  type MilterServer,
  type ServeOptions,
} from 'rxmilter';
import { MtaSession, deliver, type ClientMail } from 'rxmilter/mta';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { frame, optneg } from '../support/session-frames.js';
import { socketMta } from '../support/session-mta.js';

const nothing: Filter = compose();
const MAIL: ClientMail = {
  sender: 'alice@example.com',
  recipients: ['bob@example.org', 'carol@example.org'],
  headers: [['Subject', 'Hello']],
  body: 'Hi there\r\n',
  client: { host: 'client.example.com', family: 'inet', address: '192.0.2.1', port: 40_000 },
};

interface Serving {
  readonly server: MilterServer;
  readonly all: MessageOutcome[];
  /** Waits for so many messages that are over. */
  readonly over: (count: number) => Promise<MessageOutcome[]>;
}

async function serving(filter: Filter, options: Partial<ServeOptions> = {}): Promise<Serving> {
  const server = await serve(filter, { listen: 'inet:0@127.0.0.1', onError: () => undefined, ...options });
  onTestFinished(() => server.destroy());
  const all: MessageOutcome[] = [];
  server.messages.subscribe((message) => void all.push(message));
  return { server, all, over: (count) => vi.waitFor(() => (expect(all).toHaveLength(count), all)) };
}

/** One mail, and what is told of it. */
async function outcomeOf(filter: Filter, mail: Partial<ClientMail> = {}): Promise<MessageOutcome> {
  const { server, over } = await serving(filter);
  await deliver({ ...MAIL, ...mail }, { to: server.address });
  const [message] = await over(1);
  if (message === undefined) throw new Error('There is no message.');
  return message;
}

describe('server.messages', () => {
  it('tell who sent what to whom, and that nothing was decided about it', async () => {
    const message = await outcomeOf(nothing, { macros: { i: 'QUEUED1', '{auth_authen}': 'alice' } });
    expect(message).toMatchObject({
      client: { address: '192.0.2.1' },
      helo: expect.stringContaining('.') as string,
      auth: { user: 'alice' },
      tls: undefined,
      queueId: 'QUEUED1',
      sender: 'alice@example.com',
      recipients: [
        { address: 'bob@example.org', result: 'accepted', text: '' },
        { address: 'carol@example.org', result: 'accepted', text: '' },
      ],
      result: 'accepted',
      stage: undefined,
      decision: undefined,
      text: '',
      modifications: [],
      error: undefined,
    });
    expect(message.duration).toBeGreaterThanOrEqual(0);
  });

  it.each<[string, Filter, object]>([
    ['mail', on('mail', () => reject('Not you')), { result: 'refused', text: '550 5.7.1 Not you' }],
    ['mail', on('mail', () => accept()), { result: 'accepted', decision: { kind: 'accept' } }],
    ['rcpt', on('rcpt', () => discard()), { result: 'discarded' }],
    ['rcpt', on('rcpt', () => tempfail()), { result: 'deferred', text: '' }],
    ['data', on('data', () => tempfail('Later')), { result: 'deferred', text: '451 4.7.1 Later' }],
    ['header', on('header', () => reject({ code: 554, text: ['a', 'b'] })), { text: '554 a b' }],
    ['eoh', on('eoh', () => reject()), { result: 'refused' }],
    ['body', on('body', () => reject()), { result: 'refused' }],
    ['eom', on('eom', () => tempfail()), { result: 'deferred' }],
    ['eom', onMessage(() => reject('As a whole')), { text: '550 5.7.1 As a whole' }],
  ])('tell the decision at %s that ended one', async (stage, filter, expected) => {
    expect(await outcomeOf(filter)).toMatchObject({ stage, ...expected });
  });

  it('tell what became of each recipient', async () => {
    const filter = on('rcpt', ({ address }) => address.startsWith('bob') && reject('No Bob'));
    expect(await outcomeOf(filter)).toMatchObject({
      result: 'accepted',
      stage: undefined,
      recipients: [
        { address: 'bob@example.org', result: 'refused', text: '550 5.7.1 No Bob' },
        { address: 'carol@example.org', result: 'accepted', text: '' },
      ],
    });
  });

  it('tell the modifications, and that a message is held', async () => {
    const filter = on('eom', () => [addHeader('X-Seen', 'yes'), quarantine('Odd')]);
    expect(await outcomeOf(filter)).toMatchObject({
      result: 'quarantined',
      decision: undefined,
      modifications: [addHeader('X-Seen', 'yes'), quarantine('Odd')],
    });
  });

  it('tell the size where filters read all, else what the client has declared', async () => {
    // "Subject: Hello", the empty line and "Hi there", each with CRLF.
    expect((await outcomeOf(onMessage(() => undefined))).size).toBe(16 + 2 + 10);
    const sender = { address: 'alice@example.com', args: ['SIZE=4711'] };
    expect((await outcomeOf(nothing, { sender })).size).toBe(4711);
    expect((await outcomeOf(nothing)).size).toBeUndefined();
    const impatient = compose(
      on('body', () => skip()),
      observe('header', () => undefined),
    );
    expect((await outcomeOf(impatient, { sender, body: 'x'.repeat(100_000) })).size).toBe(4711);
  });

  it('tell of the failure of a filter', async () => {
    const broken = on('eom', () => {
      throw new Error('broken');
    });
    expect(await outcomeOf(broken)).toMatchObject({
      result: 'deferred',
      stage: 'eom',
      error: { message: expect.stringContaining('broken') as string },
    });
  });

  it('cost no round trip', async () => {
    const rounds = async (watched: boolean): Promise<number> => {
      const server = await serve(nothing, { listen: 'inet:0@127.0.0.1' });
      onTestFinished(() => server.destroy());
      if (watched) server.messages.subscribe();
      return (await deliver(MAIL, { to: server.address })).rounds;
    };
    expect(await rounds(true)).toBe(await rounds(false));
  });

  it('tell the rounds that the message took', async () => {
    const { server, over } = await serving(on(['rcpt', 'eom'], () => undefined));
    const delivery = await deliver(MAIL, { to: server.address });
    const [message] = await over(1);
    // Two recipients, the end, and DATA, which is always answered over TCP.
    expect(message?.rounds).toBe(4);
    expect(delivery.rounds).toBeGreaterThanOrEqual(4);
  });

  it('come for each message of a connection', async () => {
    const { server, over } = await serving(on('mail', ({ address }) => address === '' && reject()));
    const session = await MtaSession.open({ to: server.address });
    for (const sender of ['one@example.net', '', 'three@example.net'])
      await session.send({ sender, recipients: ['bob@example.org'], body: 'Hi\r\n' });
    await session.close();
    expect((await over(3)).map(({ sender, result }) => `${sender} ${result}`)).toEqual([
      'one@example.net accepted',
      ' refused',
      'three@example.net accepted',
    ]);
  });

  describe('of an MTA that ends a message itself', () => {
    const MAIL_FROM = frame('M', '<a@b.test>\0');
    const RCPT = frame('R', '<c@d.test>\0');
    const OFFER = optneg(6, 0x1ff, 0x1fffff);

    it.each<[string, string, (Buffer | string)[]]>([
      ['ABORT', 'aborted', [frame('A')]],
      ['the next MAIL', 'aborted', [frame('M', '<next@b.test>\0')]],
      ['QUIT', 'aborted', [frame('Q')]],
      ['the end of its SMTP connection', 'aborted', [frame('K')]],
      ['a broken frame', 'lost', [frame('R')]],
    ])('by %s are %s', async (_what, result, end) => {
      const { server, over } = await serving(nothing);
      const mta = await socketMta(server.address);
      await mta.ask(OFFER);
      mta.send(MAIL_FROM, RCPT, ...end);
      const [message] = await over(1);
      expect(message).toMatchObject({ result, sender: 'a@b.test', recipients: [{ address: 'c@d.test' }] });
    });

    it('by the loss of its connection, or the end of the server, are lost', async () => {
      const { server, over } = await serving(on('rcpt', () => new Promise<undefined>(() => undefined)));
      const [one, two] = [await socketMta(server.address), await socketMta(server.address)];
      for (const mta of [one, two]) {
        await mta.ask(OFFER);
        mta.send(MAIL_FROM, RCPT);
      }
      await vi.waitFor(() => expect(server).toBeDefined());
      one.socket.destroy();
      await over(1);
      server.destroy();
      expect((await over(2)).map(({ result }) => result)).toEqual(['lost', 'lost']);
    });

    it('after it has refused all recipients are refused, as the client sees it', async () => {
      const { server, over } = await serving(on('rcpt', () => reject('No such user')));
      const mta = await socketMta(server.address);
      await mta.ask(OFFER);
      mta.send(MAIL_FROM);
      await mta.ask(RCPT);
      mta.send(frame('A'));
      expect((await over(1))[0]).toMatchObject({ result: 'refused', stage: 'rcpt' });
    });

    it('after a recipient was refused and another was not are aborted', async () => {
      const { server, over } = await serving(
        on('rcpt', ({ address }) => address.startsWith('c') && reject()),
      );
      const mta = await socketMta(server.address);
      await mta.ask(OFFER);
      mta.send(MAIL_FROM);
      await mta.ask(RCPT);
      await mta.ask(frame('R', '<e@d.test>\0'));
      mta.send(frame('A'));
      expect((await over(1))[0]).toMatchObject({ result: 'aborted', stage: undefined, decision: undefined });
    });
  });

  it('drop a subscriber that fails, report it, and leave the mail alone', async () => {
    const errors: string[] = [];
    const { server, over } = await serving(nothing, { onError: ({ message }) => errors.push(message) });
    server.messages.subscribe(() => {
      throw new Error('No disk');
    });
    expect((await deliver(MAIL, { to: server.address })).outcome).toBe('delivered');
    expect((await deliver(MAIL, { to: server.address })).outcome).toBe('delivered');
    await over(2);
    expect(errors).toEqual([expect.stringContaining('No disk')]);
  });

  it('complete with the server', async () => {
    const { server } = await serving(nothing);
    const complete = vi.fn();
    server.messages.subscribe({ complete });
    await server.close();
    expect(complete).toHaveBeenCalledTimes(1);
  });
});
