import { BehaviorSubject, of } from 'rxjs';
import { deliver, formatReply } from 'rxmilter/mta';
import { contract } from 'rxmilter/testing';
import { describe, expect, it, vi } from 'vitest';

import { blockList, refuseBlocked } from '../../examples/blocklist-redis.mjs';
import { marbles } from '../support/marbles.js';

/** The entries of lists that stand in the drawings by a letter: the letter itself. */
const lists = (letters: string): Record<string, Set<string>> =>
  Object.fromEntries(Array.from(letters).map((letter) => [letter, new Set([letter])]));
const report = (error: unknown): never => {
  throw new Error('There was to be no outage.', { cause: error });
};

describe('a block list', () => {
  it(
    'is loaded at first, and after each change',
    marbles(({ cold, hot, expectObservable }) => {
      const loads = [cold('--(a|)', { a: ['a'] }), cold('--(b|)', { b: ['b'] })];
      const load = vi.fn(() => loads.shift() ?? of([]));
      expectObservable(blockList(hot('x-----x', { x: load }), { report }), '^-----------!').toBe(
        '--a-----b',
        lists('ab'),
      );
    }),
  );

  it(
    'is loaded once more, and not once a change, where it changes while it is loaded',
    marbles(({ cold, hot, expectObservable, flush }) => {
      const loads = [cold('-----(a|)', { a: ['a'] }), cold('-----(b|)', { b: ['b'] })];
      const load = vi.fn(() => loads.shift() ?? of([]));
      expectObservable(blockList(hot('x-xxx', { x: load }), { report, refresh: 1e6 }), '^-----------!').toBe(
        '-----a----b',
        lists('ab'),
      );
      flush();
      expect(load).toHaveBeenCalledTimes(2);
    }),
  );

  it(
    'is loaded from time to time, should a change have gone unnoticed',
    marbles(({ cold, hot, expectObservable }) => {
      const loads = [cold('(a|)', { a: ['a'] }), cold('(b|)', { b: ['b'] }), cold('(c|)', { c: ['c'] })];
      const load = vi.fn(() => loads.shift() ?? of([]));
      expectObservable(blockList(hot('x', { x: load }), { report, refresh: 5 }), '^-----------!').toBe(
        'a----b----c',
        lists('abc'),
      );
    }),
  );

  it(
    'is begun anew where a load takes too long, and is then what it is to be without Redis',
    marbles(({ cold, expectObservable, expectSubscriptions, flush }) => {
      const told = vi.fn();
      const source = cold('x', { x: () => cold('---------') });
      const options = { limit: 3, retries: { initial: 100_000, max: 100_000, jitter: 0 }, report: told };
      const away = { value: undefined };
      expectObservable(blockList(source, { ...options, away }), '^-----!').toBe('---x', { x: undefined });
      expectSubscriptions(source.subscriptions).toBe('^--!');
      flush();
      expect(told).toHaveBeenCalledTimes(1);
    }),
  );
});

describe('refusing who is on it', () => {
  const mail = { sender: 'Ann@Example.ORG', recipients: ['bob@example.net'], body: 'Hello\n' };
  const client = { address: '192.0.2.66' };

  /** What becomes of a mail, and what the client was told last. */
  async function told(list: ReadonlySet<string> | undefined): Promise<[string, string]> {
    const { outcome, reply } = await deliver({ ...mail, client }, { to: refuseBlocked(of(list)) });
    return [outcome, formatReply(reply)];
  }

  it.each(['192.0.2.66', 'example.org', 'ann@example.org'])('refuses %s', async (entry) => {
    expect(await told(new Set([entry]))).toEqual(['refused', '554 5.7.1 Blocked']);
  });

  it('lets others in', async () => {
    expect((await told(new Set(['192.0.2.6', 'ample.org', 'bob@example.net', ''])))[0]).toBe('delivered');
  });

  it('puts all off where it is not known who is on it', async () => {
    expect(await told(undefined)).toEqual(['deferred', '451 4.3.0 Please try again later']);
  });

  it('goes by the newest list, also on a connection that is open', async () => {
    const blocked = new BehaviorSubject<ReadonlySet<string> | undefined>(new Set());
    const filter = refuseBlocked(blocked);
    expect((await deliver(mail, { to: filter })).outcome).toBe('delivered');
    blocked.next(new Set(['example.org']));
    expect((await deliver(mail, { to: filter })).outcome).toBe('refused');
  });

  it.each(contract(refuseBlocked(of(new Set<string>()))))('$name', ({ check }) => check());
});
