import {
  MilterError,
  RemoteError,
  type RemoteOptions,
  remote,
  compose,
  on,
  accept,
  allow,
  reject,
  UnansweredError,
  addHeader,
  type Outcome,
} from 'rxmilter';
import { type ClientMail, MtaConnection, type MtaEvent, MtaSession, deliver, filterEnd } from 'rxmilter/mta';
import { describe, expect, it } from 'vitest';

import { eventually } from '../../docs/support/eventually.js';
import { type Script, replyFrame } from '../../support/scripted-milter.js';
import { frames } from '../../support/vectors.js';
import { counted, scripted } from '../support/milters.js';

const MAIL: ClientMail = {
  sender: 'alice@example.com',
  recipients: ['bob@example.org', 'carl@example.org'],
  headers: [['Subject', 'hello']],
  body: 'Hello.\n',
};
const CONNECT: MtaEvent = { type: 'connect', host: 'h', family: 'inet', port: 1, address: '192.0.2.1' };
const FROM: MtaEvent = { type: 'mail', address: '<a@b.test>', args: [] };
const TO: MtaEvent = { type: 'rcpt', address: '<c@d.test>', args: [] };
const SOON = { command: 50, content: 50, eom: 50 };

/** A closed port. */
async function nowhere(): Promise<string> {
  const milter = await scripted();
  await milter[Symbol.asyncDispose]();
  return milter.address;
}

/** A session with a remote milter, and what went wrong in it. */
async function sessionWith(
  address: string,
  options: RemoteOptions,
): Promise<{ session: MtaSession; errors: Error[] }> {
  const errors: Error[] = [];
  const session = await MtaSession.open({
    to: remote(address, options),
    outcome: ({ error }) => void errors.push(...(error === undefined ? [] : [error])),
  });
  return { session, errors };
}

describe('a milter elsewhere that fails', () => {
  it.each([
    [
      {},
      {
        outcome: 'deferred',
        refused: [
          { address: 'bob@example.org', args: [] },
          { address: 'carl@example.org', args: [] },
        ],
      },
    ],
    [{ failure: 'tempfail' }, { outcome: 'deferred' }],
    [{ failure: 'pass' }, { outcome: 'delivered' }],
    [{ failure: allow() }, { outcome: 'delivered' }],
    [{ failure: accept() }, { outcome: 'delivered' }],
    [{ failure: reject('No scanner') }, { outcome: 'refused', reply: { code: 550, lines: ['No scanner'] } }],
  ] as const)('because its port is closed leaves the mail to the policy %o', async (policy, expected) => {
    const { session } = await sessionWith(await nowhere(), { stages: ['rcpt', 'eom'], ...policy });
    expect(await session.send(MAIL)).toMatchObject(expected);
    await session.close();
  });

  it('with the policy to pass leaves later filters their say', async () => {
    const filter = compose(
      remote(await nowhere(), { failure: 'pass' }),
      on('eom', () => addHeader('X-Later', 'yes')),
    );
    const { headers } = await deliver(MAIL, { to: filter });
    expect(headers.at(-1)?.name).toBe('X-Later');
  });

  it('is reported once a message, with where it is, at what it failed, and how', async () => {
    const address = await nowhere();
    const outcomes: Outcome[] = [];
    const to = remote(address, { stages: ['rcpt', 'eom'] });
    await deliver(MAIL, { to, outcome: (outcome) => void outcomes.push(outcome) });
    const [failed, ...more] = outcomes.filter(({ error }) => error !== undefined);
    expect(more).toEqual([]);
    expect(failed).toMatchObject({ stage: 'rcpt', decision: { kind: 'tempfail' } });
    const error = failed?.error as RemoteError;
    expect(error).toBeInstanceOf(RemoteError);
    expect(error).toMatchObject({ stage: 'rcpt', endpoint: address, cause: { kind: 'connect' } });
    expect(error.cause).toBeInstanceOf(MilterError);
    expect(error.message).toMatch(
      /^The milter at inet:\d+@127\.0\.0\.1 could not be asked about rcpt; the answer is tempfail\. .*ECONNREFUSED/,
    );

    const { session, errors } = await sessionWith(address, { failure: 'pass' });
    await session.send(MAIL);
    await session.send(MAIL);
    await session.close();
    // The connection with the first event, and then each message.
    expect(errors.map(({ message }) => /about (\w+); (.*?)\./.exec(message)?.slice(1))).toEqual([
      ['connect', 'the message passes without it'],
      ['mail', 'the message passes without it'],
      ['mail', 'the message passes without it'],
    ]);
  });

  it.each<[string, Script, RegExp]>([
    ['wants what was not offered', { O: '0000000d4f 00000007 000001ff 00000000' }, /negotiation/],
    ['does not negotiate', { O: '' }, /did not answer within 50 ms/],
    ['does not answer to MAIL', { M: '' }, /did not answer within 50 ms/],
    ['does not answer to a header', { L: '' }, /did not answer within 50 ms/],
    ['does not come to an end', { E: 'R09' }, /did not answer within 50 ms/],
    ['answers with what is no answer', { R: 'R08' }, /skip is a reply to the body only/],
    ['answers with what is no protocol', { R: '00000001 5a' }, /this letter is unknown/],
    ['answers twice', { R: ['R03', 'R03'] }, /nothing was asked/],
    ['changes a message that is not complete', { N: ['R16', 'R03'] }, /addHeader is no reply to eoh/],
    ['hangs up', { T: (socket) => socket.destroy() }, /closed/],
  ])('because it %s leaves the mail to the policy', async (_how, script, message) => {
    const { address } = await scripted(script);
    // The others have time: on a busy machine they would be too late.
    const timeouts = message.source.includes('within 50 ms') ? SOON : {};
    for (const [failure, outcome] of [
      ['pass', 'delivered'],
      ['tempfail', 'deferred'],
    ] as const) {
      const { session, errors } = await sessionWith(address, { failure, timeouts });
      const delivery = await session.send(MAIL);
      expect(delivery).toMatchObject({ outcome, modifications: [] });
      await session.close();
      expect(errors.at(-1)).toBeInstanceOf(RemoteError);
      expect(errors.at(-1)?.message).toMatch(message);
    }
  });

  it('that writes a header that breaks out has it mended, and refuses in too many words has them cut', async () => {
    const header = await scripted({ E: [replyFrame('h', 'X\0a\nEvil: b\0'), 'R03'] });
    const one = await sessionWith(header.address, {});
    const { headers } = await one.session.send(MAIL);
    expect(headers.at(-1)).toMatchObject({ name: 'X', value: 'a Evil: b' });
    await one.session.close();
    expect(one.errors.at(-1)?.message).toMatch(/line break/);

    const wordy = await scripted({ M: replyFrame('y', `550 5.7.1 ${'x'.repeat(2000)}\0`) });
    const two = await sessionWith(wordy.address, { failure: 'pass' });
    expect(await two.session.send(MAIL)).toMatchObject({
      outcome: 'refused',
      reply: { lines: ['x'.repeat(980)] },
    });
    await two.session.close();
    expect(two.errors.at(-1)?.message).toMatch(/980 is the limit/);
  });

  it.each([
    ['is broken', 'no\rway'],
    ['is broken and too long for SMTP', `${'x'.repeat(2000)}\rway`],
    ['has a broken line that is too long', `no\r\n${'x'.repeat(2000)}`],
  ])('has a refusal stand that %s', async (_how, words) => {
    const { address } = await scripted({ R: replyFrame('y', `550 5.7.1 ${words}\0`) });
    const { session, errors } = await sessionWith(address, { failure: 'pass' });
    expect(await session.send(MAIL)).toMatchObject({
      refused: [{ address: 'bob@example.org', args: [] }],
      accepted: [{ address: 'carl@example.org', args: [] }],
    });
    await session.close();
    expect(errors.map(({ message }) => message)).toEqual([expect.stringMatching(/its refusal stands/)]);
  });

  it('is not asked again about a message, and is about the next', async () => {
    const milter = await scripted({
      R: (socket, _data, count) =>
        // Each connection counts for itself: it is silent on the first alone.
        milter.heard.length === 1 ? undefined : socket.write(frames(count === 1 ? 'R05' : 'R03')),
    });
    const timeouts = { command: 500, content: 500, eom: 500 };
    const { session, errors } = await sessionWith(milter.address, { failure: 'pass', timeouts });
    expect(await session.send(MAIL)).toMatchObject({ refused: [], outcome: 'delivered' });
    expect(milter.heard).toEqual(['ODCCDHHDMMDRR']);
    expect(await session.send(MAIL)).toMatchObject({
      refused: [{ address: 'bob@example.org', args: [] }],
      outcome: 'delivered',
    });
    await session.close();
    await eventually('told', () => milter.heard[1] === 'ODCCDHHDMMDRRDRRDTTDLLDNNDBBDEEAQ');
    expect(errors).toHaveLength(1);
  });

  it('did not fail where it hung up between two messages', async () => {
    const milter = await scripted({ A: (socket) => socket.destroy() });
    const proxy = await counted(milter.address);
    const { session, errors } = await sessionWith(proxy.address, {});
    for (const _time of [1, 2, 3]) {
      expect((await session.send(MAIL)).outcome).toBe('delivered');
      await eventually('it has hung up', () => proxy.open === 0);
    }
    await session.close();
    expect(errors).toEqual([]);
    expect(proxy.made).toBe(3);
    expect(milter.heard[2]).toBe(milter.heard[0]);
  });
});

describe('a milter elsewhere whose answer is not wanted any more', () => {
  it('gets its connection closed where it owed an answer, and the next message has another', async () => {
    const milter = await scripted({
      R: (socket) => (milter.heard.length === 1 ? undefined : void socket.write(frames('R10'))),
    });
    const proxy = await counted(milter.address);
    const stream = filterEnd(remote(proxy.address)).resume();
    for (const frame of ['C01', 'C03', 'C12']) stream.write(frames(frame));
    stream.write(frames('C16'));
    await eventually('asked', () => milter.heard[0] === 'ODCCDMMDRR');
    stream.write(frames('C28'));
    stream.write(frames('C12'));
    await eventually('closed, and another one made', () => proxy.made === 2 && proxy.open === 1);
    const said = new Promise<string>((resolve) => {
      stream.on('data', (data: Buffer) => data.includes('No such user') && resolve('refused'));
    });
    stream.write(frames('C16'));
    expect(await said).toBe('refused');
    expect(milter.heard).toEqual(['ODCCDMMDRR', 'ODCCDMMDRR']);
    stream.destroy();
    await eventually('closed', () => proxy.open === 0);
  });

  it.each(['end', 'destroy'] as const)('is let go of when the MTA is gone: %s', async (how) => {
    for (const silent of ['M', 'R', '']) {
      const milter = await scripted({ [silent]: '' });
      const proxy = await counted(milter.address);
      const stream = filterEnd(remote(proxy.address)).resume();
      for (const frame of ['C01', 'C03', 'C12', 'C16']) stream.write(frames(frame));
      await eventually('asked', () => milter.heard[0]?.endsWith(silent === '' ? 'R' : silent) === true);
      stream[how]();
      await eventually('closed', () => proxy.open === 0);
      expect(proxy.made).toBe(1);
    }
  });

  it('is let go of also where it has not even agreed yet', async () => {
    const milter = await scripted({ O: '' });
    const proxy = await counted(milter.address);
    const to = remote(proxy.address, { timeouts: { connect: 50, command: 100 } });
    const stream = filterEnd(to).resume();
    for (const frame of ['C01', 'C03']) stream.write(frames(frame));
    await eventually('asked', () => milter.heard[0] === 'O');
    stream.destroy();
    await eventually('closed', () => proxy.open === 0);
  });

  it('is given up with the deadline of the event, and the rest of the message gets the policy', async () => {
    const milter = await scripted({ R: '' });
    const proxy = await counted(milter.address);
    const errors: Error[] = [];
    const mta = await MtaConnection.open(remote(proxy.address, { failure: reject('gone') }), {
      session: { timeouts: { reply: 50 } },
      outcome: ({ error }) => void errors.push(...(error === undefined ? [] : [error])),
    });
    await mta.ask(CONNECT);
    await mta.ask(FROM);
    expect((await mta.ask(TO)).verdict).toMatchObject({ kind: 'refuse', reply: { code: 451 } });
    expect((await mta.ask(TO)).verdict).toMatchObject({ kind: 'refuse', reply: { lines: ['gone'] } });
    await eventually('closed', () => proxy.open === 0);
    await mta.quit();
    expect(errors.map((error) => error.constructor)).toEqual([UnansweredError]);
  });

  it('does not see its late answers taken for those to later events', async () => {
    const late: (() => void)[] = [];
    const milter = await scripted({
      R: (socket) => void late.push(() => void socket.write(frames('R05'))),
    });
    const mta = await MtaConnection.open(remote(milter.address, { timeouts: SOON, failure: 'pass' }));
    for (const event of [CONNECT, FROM, TO]) await mta.ask(event);
    for (const answer of late) answer();
    expect((await mta.ask({ type: 'data' })).verdict).toEqual({ kind: 'continue' });
    await mta.abort();
    expect((await mta.ask(FROM)).verdict).toEqual({ kind: 'continue' });
    await mta.quit();
  });
});
