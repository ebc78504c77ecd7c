import { compose, on, type MilterServer, serve, reject } from 'rxmilter';
import { deliver, type ClientMail } from 'rxmilter/mta';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { rateLimits } from '../../examples/rate-limits.mjs';

const MAIL: ClientMail = {
  sender: 'alice@example.com',
  recipients: ['bob@example.org'],
  headers: [['Subject', 'Offer']],
};
const MINUTE = 60_000;

describe('the limits that hold across connections', () => {
  let server: MilterServer;
  const errors: Error[] = [];

  beforeEach(() => {
    errors.length = 0;
    // The clock only: what waits for a socket waits for real.
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-03-01T12:00:00Z') });
  });
  afterEach(async () => {
    await server.close();
    vi.useRealTimers();
    expect(errors).toEqual([]);
  });

  async function limit(limits: Parameters<typeof rateLimits>[0]): Promise<void> {
    const { filter, outcomes } = rateLimits(limits);
    const nobody = on('rcpt', ({ address }) => (address.startsWith('nobody@') ? reject('Who?') : undefined));
    server = await serve(compose(filter, nobody), {
      listen: 'inet:0@127.0.0.1',
      onError: (error) => errors.push(error),
    });
    server.outcomes.subscribe(outcomes);
  }

  /** What a client of that address is told about a mail like the usual one. */
  async function send(address: string, mail: Partial<ClientMail> = {}): Promise<string> {
    const { outcome, reply, failure } = await deliver(
      { ...MAIL, client: { address }, ...mail },
      { to: server.address },
    );
    expect(failure).toBeUndefined();
    return `${outcome} ${reply.code}`;
  }

  it.each([
    ['a client', { perClient: 2 }, {}],
    ['a sender', { perSender: 2 }, {}],
    ['a subject', { perSubject: 2 }, {}],
    ['a user who has logged in', { perUser: 2 }, { auth: { user: 'alice' } }],
  ])('put off what %s sends beyond its share of an hour', async (_who, limits, mail) => {
    await limit(limits);
    for (let sent = 0; sent < 2; sent++) expect(await send('192.0.2.1', mail)).toBe('delivered 250');
    expect(await send('192.0.2.1', mail)).toBe('deferred 450');
    vi.setSystemTime(Date.now() + 61 * MINUTE);
    expect(await send('192.0.2.1', mail)).toBe('delivered 250');
  });

  it('count each for itself', async () => {
    await limit({ perClient: 1, perSender: 1 });
    expect(await send('192.0.2.1', { sender: 'a@example.com' })).toBe('delivered 250');
    expect(await send('192.0.2.2', { sender: 'b@example.com' })).toBe('delivered 250');
    expect(await send('192.0.2.3', { sender: 'a@example.com' })).toBe('deferred 450');
  });

  describe('while a network is refused again and again', () => {
    const unknown = { recipients: ['nobody@example.org'] };

    beforeEach(async () => {
      await limit({ refusals: 3, pause: 10 * MINUTE });
      for (let tried = 0; tried < 3; tried++) expect(await send('192.0.2.1', unknown)).toBe('refused 550');
    });

    it('put off its connections, also from another address of it, and nobody else', async () => {
      expect(await send('192.0.2.1')).toBe('deferred 421');
      expect(await send('192.0.2.200')).toBe('deferred 421');
      expect(await send('198.51.100.1')).toBe('delivered 250');
    });

    it('let it in again after the pause, however often it has tried meanwhile', async () => {
      for (let minute = 0; minute < 9; minute++) {
        vi.setSystemTime(Date.now() + MINUTE);
        expect(await send('192.0.2.1')).toBe('deferred 421');
      }
      vi.setSystemTime(Date.now() + 2 * MINUTE);
      expect(await send('192.0.2.1')).toBe('delivered 250');
    });
  });

  it('do not mind refusals that are far apart', async () => {
    await limit({ refusals: 3 });
    for (let tried = 0; tried < 6; tried++) {
      expect(await send('192.0.2.1', { recipients: ['nobody@example.org'] })).toBe('refused 550');
      vi.setSystemTime(Date.now() + MINUTE / 2);
    }
    expect(await send('192.0.2.1')).toBe('delivered 250');
  });
});
