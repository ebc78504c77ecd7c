import {
  accept,
  addHeader,
  changeHeader,
  compose,
  MilterError,
  on,
  type Outcome,
  quarantine,
  reject,
  remote,
  RemoteError,
  type RemoteOptions,
  serve,
  type SessionOptions,
  UngrantedError,
} from 'rxmilter';
import { type ClientMail, type Delivery, deliver, MtaSession } from 'rxmilter/mta';
import { describe, expect, it, onTestFinished } from 'vitest';

import { eventually } from '../../docs/support/eventually.js';
import { deliverByMaddy } from '../../mail-servers/support/maddy-client.js';
import { frame } from '../../support/session-frames.js';
import type { CountingProxy } from '../support/counting-proxy.js';
import { scripted, served } from '../support/milters.js';

const MAIL: ClientMail = {
  sender: 'alice@example.com',
  recipients: ['bob@example.org'],
  headers: [['Subject', 'hello']],
  body: 'Hello.\n',
};
const SMALL = { actions: 0x21 };

/** A milter that hangs up where it is not offered CHGHDRS, as libmilter does. */
function fastidious(): Promise<CountingProxy> {
  return served(
    on('eom', () => [addHeader('X-Milter', 'yes'), changeHeader('Subject', 'x'), quarantine('q')]),
    {
      rights: ['ADDHDRS', 'CHGHDRS', 'QUARANTINE'],
      negotiate: ({ actions }) => ((actions & 0x10) === 0 ? reject() : undefined),
      onError: () => undefined,
    },
  );
}

async function behindSmallOffer(
  to: string,
  options: RemoteOptions,
  session: SessionOptions = {},
): Promise<{ delivery: Delivery; outcomes: Outcome[] }> {
  const outcomes: Outcome[] = [];
  const mta = await MtaSession.open({
    to: remote(to, options),
    session,
    offer: SMALL,
    outcome: (outcome) => void outcomes.push(outcome),
  });
  const delivery = await mta.send(MAIL);
  await mta.close();
  return { delivery, outcomes };
}

const errorsOf = (outcomes: readonly Outcome[]): Error[] =>
  outcomes.flatMap(({ error }) => (error === undefined ? [] : [error]));

describe('a milter elsewhere that wants more than the mail server grants', () => {
  it.each<[RemoteOptions, Partial<Delivery>, RegExp]>([
    [{}, { outcome: 'deferred' }, /It could not be asked; the answer is tempfail\.$/],
    [
      { failure: 'pass' },
      { outcome: 'delivered' },
      /It could not be asked; the message passes without it\.$/,
    ],
  ])('is not asked, and its wish is named: %j', async (options, expected, words) => {
    const milter = await fastidious();
    const { delivery, outcomes } = await behindSmallOffer(milter.address, { ...options, stages: ['eom'] });
    expect(delivery).toMatchObject({ ...expected, failure: undefined });
    const [error, ...others] = errorsOf(outcomes);
    expect(others).toEqual([]);
    expect(error).toMatchObject({
      name: 'UngrantedError',
      granted: ['ADDHDRS', 'QUARANTINE'],
      wishes: [
        {
          wish: `the milter at ${milter.address}`,
          right: 'CHGHDRS',
          filter: expect.stringMatching(/^rights\.test\.ts:/) as string,
        },
      ],
    });
    expect(error?.message).toMatch(words);
    await eventually('the end of both connections', () => milter.open === 0);
    expect(milter.made).toBe(2);
  });

  it('does not hide what was wrong beside it', async () => {
    const nobody = await scripted();
    await nobody[Symbol.asyncDispose]();
    const errors: Error[] = [];
    await deliver(MAIL, {
      to: compose(
        on('eom', () => changeHeader('Subject', 'x')),
        remote(nobody.address, { failure: accept(), stages: ['eom'] }),
      ),
      session: { ungranted: 'skip' },
      offer: SMALL,
      outcome: ({ error }) => void errors.push(...(error === undefined ? [] : [error])),
    });
    expect(errors.map(({ name }) => name).sort()).toEqual(['RemoteError', 'UngrantedError']);
  });

  it('works where that is skipped, and the outcome lists what was', async () => {
    const milter = await fastidious();
    const { delivery, outcomes } = await behindSmallOffer(milter.address, {}, { ungranted: 'skip' });
    expect(delivery).toMatchObject({ outcome: 'quarantined', failure: undefined });
    expect(delivery.headers.map(({ name }) => name)).toEqual(['Received', 'Subject', 'X-Milter']);
    expect(outcomes.at(-1)).toMatchObject({
      stage: 'eom',
      modifications: [{ kind: 'quarantine' }, { kind: 'addHeader' }],
      skipped: [{ kind: 'changeHeader' }],
    });
    expect(errorsOf(outcomes)).toMatchObject([
      { wishes: [{ wish: 'changeHeader', filter: expect.stringMatching(/^rights\.test\.ts:/) as string }] },
    ]);
  });

  it.each(['defer', 'skip', 'refuse'] as const)('is told once for many messages (%s)', async (ungranted) => {
    const milter = await fastidious();
    const errors: Error[] = [];
    const server = await serve(remote(milter.address), {
      listen: 'inet:0@127.0.0.1',
      ungranted,
      onError: (error) => void errors.push(error),
    });
    onTestFinished(() => server.destroy());
    for (let count = 0; count < 3; count++) {
      const { reply } = await deliverByMaddy(server.address, { message: 'Subject: hi\r\n\r\nHi\r\n' });
      expect(reply).toMatch(ungranted === 'skip' ? /^250/ : /^450 /);
    }
    expect(errors).toEqual([expect.any(UngrantedError)]);
  });

  it('to which an offer was promised is known at negotiation', async () => {
    const milter = await fastidious();
    const options: RemoteOptions = { offer: { actions: 0x31 } };
    const refused = await behindSmallOffer(milter.address, options, { ungranted: 'refuse' });
    expect(refused.delivery).toMatchObject({ outcome: 'deferred', reply: { code: 451, enhanced: '4.3.5' } });
    const deferred = await behindSmallOffer(milter.address, options);
    expect(deferred.delivery).toMatchObject({ outcome: 'deferred', reply: { code: 451, enhanced: '4.7.1' } });
    // The second is about the change, and was told before.
    expect(errorsOf(deferred.outcomes)).toMatchObject([
      { name: 'UngrantedError', repeated: false, wishes: [{ wish: `the milter at ${milter.address}` }] },
      { name: 'UngrantedError', repeated: true, wishes: [{ wish: 'changeHeader' }] },
    ]);
  });
});

describe('a milter elsewhere that fails at its negotiation', () => {
  it('may be there a moment later', async () => {
    let offers = 0;
    const milter = await scripted({
      O: (socket) => {
        if (++offers === 1) socket.end();
        else socket.write(frame('O', Buffer.from('000000060000000100000000', 'hex')));
      },
    });
    expect(
      await deliver(MAIL, { to: remote(milter.address, { stages: ['eom'] }), offer: SMALL }),
    ).toMatchObject({
      outcome: 'delivered',
      failure: undefined,
    });
  });

  it.each([
    ['whatever it is offered', {}, SMALL, 2],
    ['where all was offered', {}, {}, 1],
    ['where an offer of its own was given', { offer: { actions: 0x21 } }, SMALL, 1],
  ])('has failed, and wants nothing: %s', async (_what, options, offer, connections) => {
    const milter = await scripted({ O: (socket) => socket.end() });
    const errors: Error[] = [];
    await deliver(MAIL, {
      to: remote(milter.address, { ...options, stages: ['eom'] }),
      offer,
      outcome: ({ error }) => void errors.push(...(error === undefined ? [] : [error])),
    });
    expect(errors).toMatchObject([{ name: 'RemoteError', cause: { name: 'MilterError', stage: 'optneg' } }]);
    expect(errors[0]).toBeInstanceOf(RemoteError);
    expect(errors[0]?.cause).toBeInstanceOf(MilterError);
    expect(milter.heard).toEqual(Array(connections).fill('O'));
  });
});
