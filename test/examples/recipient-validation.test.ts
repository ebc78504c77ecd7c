import { deliver, formatReply } from 'rxmilter/mta';
import { abort, marbles, rcpt, simulate, type Simulation } from 'rxmilter/testing';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { directoryOf, recipientValidation } from '../../examples/recipient-validation.mjs';

const OURS = ['example.org', 'xn--bcher-kva.example'];
const NO_SUCH_USER = '550 5.1.1 No such user here';
const AWAY = '451 4.4.3 Cannot look up the recipient, try again';

/** A directory that answers when the test says so. */
class SlowDirectory {
  /** The look-ups that have begun, in order. */
  readonly lookUps: {
    readonly address: string;
    readonly signal: AbortSignal;
    readonly answer: (found: boolean) => void;
    readonly fail: (error: Error) => void;
  }[] = [];
  #begun: () => void = () => undefined;

  lookUp(address: string, signal: AbortSignal): Promise<boolean> {
    return new Promise((answer, fail) => {
      this.lookUps.push({ address, signal, answer, fail });
      this.#begun();
    });
  }

  /** Settles when so many look-ups have begun. */
  async begun(count: number): Promise<void> {
    while (this.lookUps.length < count) await new Promise<void>((resolve) => (this.#begun = resolve));
  }
}

const fails: (error: unknown) => never = (error) => {
  throw new Error('The directory was not to fail.', { cause: error });
};

/** A simulation that is ended with the test. */
async function started(filter: Parameters<typeof simulate>[0]): Promise<Simulation> {
  const mta = await simulate(filter);
  onTestFinished(() => mta.close());
  return mta;
}

afterEach(() => {
  vi.useRealTimers();
});

describe.each(['postfix', 'sendmail'] as const)('the validation of recipients behind %s', (mta) => {
  const directory = directoryOf(['alice@example.org', 'bob+lists@example.org', 'jörg@xn--bcher-kva.example']);
  const filter = recipientValidation(directory, { domains: OURS, report: fails });

  /** What the client was told of each recipient. */
  async function told(recipients: readonly string[]): Promise<Record<string, string>> {
    const { steps, failure } = await deliver(
      { sender: 'carol@example.net', recipients, body: 'Hello\n' },
      { to: filter, mta, timeouts: { silent: 3 } },
    );
    expect(failure).toBeUndefined();
    const rcpts = steps.filter(({ command }) => command === 'rcpt');
    // Sendmail names the recipient itself before the text.
    const plain = (text: string): string => text.replace(/ <.*>\.\.\. /, ' ');
    return Object.fromEntries(
      rcpts.map(({ address = '', reply }): [string, string] => [address, plain(formatReply(reply))]),
    );
  }

  it('refuses who is not in the directory, and nobody else', async () => {
    const replies = await told(['alice@example.org', 'nobody@example.org', 'bob@example.org']);
    expect(replies).toEqual({
      'alice@example.org': expect.stringMatching(/^250 /),
      'nobody@example.org': NO_SUCH_USER,
      'bob@example.org': NO_SUCH_USER,
    });
  });

  it('finds an address in whatever case it is written', async () => {
    expect(await told(['Alice@EXAMPLE.ORG'])).toEqual({
      'Alice@EXAMPLE.ORG': expect.stringMatching(/^250 /),
    });
  });

  it('finds an internationalised address, however its domain and its letters are written', async () => {
    const decomposed = `${'jörg'.normalize('NFD')}@bücher.example`;
    const replies = await told(['jörg@bücher.example', 'JÖRG@xn--bcher-kva.example', decomposed]);
    expect(Object.values(replies)).toEqual(Array(3).fill(expect.stringMatching(/^250 /)));
  });

  it('finds the mailbox of a sub-address, or the sub-address itself', async () => {
    const sub = ['alice+news@example.org', 'alice+a+b@example.org', 'bob+lists@example.org'];
    expect(Object.values(await told(sub))).toEqual(Array(3).fill(expect.stringMatching(/^250 /)));
    const unknown = ['bob+news@example.org', '+alice@example.org', 'nobody+alice@example.org'];
    expect(Object.values(await told(unknown))).toEqual(Array(3).fill(NO_SUCH_USER));
  });

  it('does not take a sub-address of nobody for everybody', async () => {
    const all = recipientValidation(directoryOf(['@example.org']), { domains: OURS, report: fails });
    const { outcome } = await deliver(
      { sender: 'carol@example.net', recipients: ['+alice@example.org'] },
      { to: all, mta },
    );
    expect(outcome).toBe('refused');
  });

  it('has no opinion about other domains, and none about postmasters', async () => {
    const others = ['x@example.net', 'x@sub.example.org', 'postmaster', 'Postmaster@example.org'];
    expect(Object.values(await told(others))).toEqual(Array(4).fill(expect.stringMatching(/^250 /)));
  });

  it('refuses what is no address where it claims to be ours', async () => {
    const odd = ['@example.org', 'a@b@example.org', '"alice@example.org"@example.org', "'; --@example.org"];
    expect(Object.values(await told(odd))).toEqual(Array(4).fill(NO_SUCH_USER));
  });

  it('puts mail off while the directory is away', async () => {
    const reported: unknown[] = [];
    const away = new Error('connect ECONNREFUSED');
    const out = recipientValidation(
      { lookUp: () => Promise.reject(away) },
      { domains: OURS, report: (error) => reported.push(error) },
    );
    const { outcome, reply } = await deliver(
      { sender: 'carol@example.net', recipients: ['alice@example.org'] },
      { to: out, mta },
    );
    expect([outcome, formatReply(reply)]).toEqual(['deferred', AWAY]);
    expect(reported).toEqual([away]);
  });

  it('puts mail off where the directory throws at once', async () => {
    const reported: unknown[] = [];
    const broken = {
      lookUp: () => {
        throw new Error('not configured');
      },
    };
    const out = recipientValidation(broken, { domains: OURS, report: (error) => reported.push(error) });
    const { reply } = await deliver(
      { sender: 'carol@example.net', recipients: ['alice@example.org'] },
      { to: out, mta },
    );
    expect(formatReply(reply)).toBe(AWAY);
    expect(reported).toEqual([new Error('not configured')]);
  });
});

describe('a look-up for the validation of recipients', () => {
  it('is cancelled when the connection is lost', async () => {
    const directory = new SlowDirectory();
    const mta = await started(recipientValidation(directory, { domains: OURS, report: fails }));
    const told = mta.rcpt('alice@example.org');
    await directory.begun(1);
    expect(directory.lookUps[0]?.signal.aborted).toBe(false);
    mta.hangUp();
    expect((await told).verdict).toBe('lost');
    expect(directory.lookUps[0]?.signal.aborted).toBe(true);
  });

  it(
    'is cancelled when the message is aborted',
    marbles(({ flow, flush }) => {
      const directory = new SlowDirectory();
      const validation = recipientValidation(directory, { domains: OURS, report: fails });
      const [r, x] = [rcpt('alice@example.org'), abort()];
      const source = flow.hot('               -r-x-|', { r, x });
      flow.expect(validation(source)).toBe('  ---x-|');
      flush();
      expect(directory.lookUps.map(({ signal }) => signal.aborted)).toEqual([true]);
    }),
  );

  it('is shared by those who want to know the same, and cancelled when all of them have gone', async () => {
    const directory = new SlowDirectory();
    const filter = recipientValidation(directory, { domains: OURS, report: fails });
    const [one, two, other] = [await started(filter), await started(filter), await started(filter)];
    const first = one.rcpt('alice@example.org');
    const second = two.rcpt('ALICE@example.org');
    void other.rcpt('bob@example.org');
    await directory.begun(2);
    await vi.waitFor(() => expect(two.lines.at(-1)).toMatch(/^> rcpt/));
    expect(directory.lookUps.map(({ address }) => address)).toEqual(['alice@example.org', 'bob@example.org']);
    one.hangUp();
    await first;
    expect(directory.lookUps[0]?.signal.aborted).toBe(false);
    directory.lookUps[0]?.answer(true);
    expect((await second).verdict).toBe('continue');
    expect(directory.lookUps).toHaveLength(2);
    other.hangUp();
    await vi.waitFor(() => expect(directory.lookUps[1]?.signal.aborted).toBe(true));
  });

  it('is not kept: who asks later is answered anew', async () => {
    const directory = new SlowDirectory();
    const mta = await started(recipientValidation(directory, { domains: OURS, report: fails }));
    const first = mta.rcpt('alice@example.org');
    await directory.begun(1);
    directory.lookUps[0]?.answer(false);
    expect((await first).verdict).toBe('reject');
    const second = mta.rcpt('alice@example.org');
    await directory.begun(2);
    directory.lookUps[1]?.answer(true);
    expect((await second).verdict).toBe('continue');
  });

  it('has only so much time, and is cancelled then', async () => {
    vi.useFakeTimers();
    const directory = new SlowDirectory();
    const reported: unknown[] = [];
    const filter = recipientValidation(directory, {
      domains: OURS,
      limit: 1000,
      report: (error) => reported.push(error),
    });
    const mta = await started(filter);
    const told = mta.rcpt('alice@example.org');
    await directory.begun(1);
    await vi.advanceTimersByTimeAsync(999);
    expect(directory.lookUps[0]?.signal.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(directory.lookUps[0]?.signal.aborted).toBe(true);
    const { reply } = await told;
    expect(reply && formatReply(reply)).toBe(AWAY);
    expect(reported).toEqual([expect.objectContaining({ name: 'TimeoutError' })]);
  });
});
