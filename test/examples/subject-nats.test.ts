import { firstValueFrom, of, skip } from 'rxjs';
import { deliver } from 'rxmilter/mta';
import { contract } from 'rxmilter/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { closedMailboxes, refuseClosed, type Nats, type NatsMessage } from '../../examples/subject-nats.mjs';

/** A connection that hands out what the test says. */
class FakeNats implements Nats {
  readonly sent: unknown[] = [];
  ended = false;
  #callback: ((error: Error | null, message: NatsMessage) => void) | undefined;
  #lost: (error?: Error) => void = () => undefined;
  readonly #closed = new Promise<void | Error>((resolve) => (this.#lost = resolve));

  subscribe(subject: string, { callback }: Parameters<Nats['subscribe']>[1]): void {
    this.sent.push(['subscribe', subject]);
    this.#callback = callback;
  }

  publish(...what: unknown[]): void {
    this.sent.push(['publish', ...what]);
  }

  flush(): Promise<void> {
    this.sent.push(['flush']);
    return Promise.resolve();
  }

  closed(): Promise<void | Error> {
    return this.#closed;
  }

  close(): Promise<void> {
    this.ended = true;
    this.#lost();
    return Promise.resolve();
  }

  say(text: string, code = 0): void {
    this.#callback?.(null, { string: () => text, headers: { code } });
  }

  lose(error: Error): void {
    this.#lost(error);
  }
}

function connections(count: number): { all: FakeNats[]; open: () => Promise<Nats> } {
  const all = Array.from({ length: count }, () => new FakeNats());
  let opened = 0;
  return {
    all,
    open: () => {
      const next = all[opened++];
      return next === undefined ? Promise.reject(new Error('refused')) : Promise.resolve(next);
    },
  };
}

const retries = { initial: 0 };

describe('the closed mailboxes of a subject', () => {
  it('are asked for once nothing can be missed any more, and changed by each message', async () => {
    const { all, open } = connections(1);
    const [nats] = all;
    const boxes = closedMailboxes(open, 'mail.closed', { retries });
    const values: unknown[] = [];
    const subscription = boxes.subscribe((value) => values.push([...value]));
    await vi.waitFor(() => {
      expect(nats?.sent).toEqual([
        ['subscribe', 'mail.closed'],
        ['flush'],
        ['publish', 'mail.closed.now', '', { reply: 'mail.closed' }],
      ]);
    });
    nats?.say('["Sales@Example.org"]');
    nats?.say('[]');
    expect(values).toEqual([['sales@example.org'], []]);
    subscription.unsubscribe();
  });

  it('stay where a message is none, which is told', async () => {
    const { all, open } = connections(1);
    const report = vi.fn();
    const values: unknown[] = [];
    const subscription = closedMailboxes(open, 'mail.closed', { report, retries }).subscribe((value) =>
      values.push([...value]),
    );
    onTestFinished(() => subscription.unsubscribe());
    await vi.waitFor(() => expect(all[0]?.sent).toHaveLength(3));
    for (const text of ['["a@b.test"]', 'nonsense', '{}', '[1]']) all[0]?.say(text);
    expect(values).toEqual([['a@b.test']]);
    expect(report.mock.calls.map(([error]) => String(error))).toEqual([
      expect.stringMatching(/^SyntaxError: /),
      'TypeError: A list of addresses was to come, such as ["sales@example.org"], and not {}',
      'TypeError: A list of addresses was to come, such as ["sales@example.org"], and not [1]',
    ]);
  });

  it('stay while the connection is lost, and are asked for on the next one', async () => {
    const { all, open } = connections(2);
    const report = vi.fn();
    const boxes = closedMailboxes(open, 'mail.closed', { report, retries });
    const second = firstValueFrom(boxes.pipe(skip(1)));
    await vi.waitFor(() => expect(all[0]?.sent).toHaveLength(3));
    all[0]?.say('["a@b.test"]');
    all[0]?.lose(new Error('gone'));
    await vi.waitFor(() => expect(all[1]?.sent).toHaveLength(3));
    expect(await firstValueFrom(boxes)).toEqual(new Set(['a@b.test']));
    all[1]?.say('[]');
    expect(await second).toEqual(new Set());
    expect(report.mock.calls).toEqual([[new Error('gone')]]);
    expect(all[0]?.ended).toBe(true);
  });

  it('are asked for again where nobody has answered', async () => {
    const { all, open } = connections(2);
    const report = vi.fn();
    const first = firstValueFrom(closedMailboxes(open, 'mail.closed', { report, retries }));
    await vi.waitFor(() => expect(all[0]?.sent).toHaveLength(3));
    all[0]?.say('', 503);
    await vi.waitFor(() => expect(all[1]?.sent).toHaveLength(3));
    all[1]?.say('["a@b.test"]');
    expect(await first).toEqual(new Set(['a@b.test']));
    expect(report.mock.calls).toEqual([[new Error('nobody answers mail.closed.now')]]);
  });

  it('are what was said of the case where there is no connection', async () => {
    const away = { value: new Set<string>() };
    const report = vi.fn();
    const boxes = closedMailboxes(() => Promise.reject(new Error('refused')), 'x', { away, report });
    expect(await firstValueFrom(boxes)).toBe(away.value);
  });
});

describe('refusing mail to them', () => {
  it('refuses those, and no others', async () => {
    const recipients = ['Sales@example.org', 'bob@example.org'];
    const filter = refuseClosed(of(new Set(['sales@example.org'])));
    const delivery = await deliver({ sender: 'a@b.test', recipients, body: 'Hello\n' }, { to: filter });
    expect([
      delivery.accepted.map(({ address }) => address),
      delivery.refused.map(({ address }) => address),
    ]).toEqual([['bob@example.org'], ['Sales@example.org']]);
  });

  it.each(contract(refuseClosed(of(new Set<string>()))))('$name', ({ check }) => check());
});
