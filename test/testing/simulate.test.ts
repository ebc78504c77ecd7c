import { setTimeout as pause } from 'node:timers/promises';
import { Observable, map, timer } from 'rxjs';
import {
  MilterError,
  compose,
  observe,
  on,
  perMessage,
  requireRights,
  accept,
  discard,
  reject,
  skip,
  tempfail,
  type MilterEvent,
  addHeader,
  addRecipient,
  changeHeader,
  changeSender,
  deleteHeader,
  deleteRecipient,
  insertHeader,
  quarantine,
  replaceBody,
} from 'rxmilter';
import { type SimulateOptions, type Simulation, simulate } from 'rxmilter/testing';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { STAGES } from '../../src/session/stage.js';

const EVERY = [...STAGES, 'abort', 'close'] as const;
const NEVER = new Promise<undefined>(() => undefined);

/** A simulation that is ended with the test. */
async function started(...args: Parameters<typeof simulate>): Promise<Simulation> {
  const mta = await simulate(...args);
  onTestFinished(() => mta.close());
  return mta;
}

/** A filter that looks at everything, and what it has seen. */
function looking(): { filter: ReturnType<typeof observe>; seen: string[] } {
  const seen: string[] = [];
  const say = (event: MilterEvent): string =>
    'address' in event ? `${event.stage} ${event.address}` : event.stage;
  return { filter: observe(EVERY, (event) => void seen.push(say(event))), seen };
}

afterEach(() => {
  vi.useRealTimers();
});

describe('a simulated MTA, step by step', () => {
  it('tells what it was told, at each stage', async () => {
    const filter = compose(
      on('helo', ({ name }) => name === 'bad.example' && reject('Bad name')),
      on('mail', ({ address }) => address === '' && tempfail({ code: 450, text: ['Later', 'Or never'] })),
      on('rcpt', ({ address }) => address.startsWith('x') && discard()),
      on('header', ({ value }) => value === 'fine' && accept()),
      on('body', () => skip()),
    );
    const mta = await started(filter);
    expect(await mta.mail('')).toEqual({
      verdict: 'tempfail',
      // Postfix adds no enhanced code to a reply without one.
      reply: { code: 450, lines: ['Later', 'Or never'] },
      modifications: [],
      asked: true,
    });
    expect((await mta.rcpt('x@b.test')).verdict).toBe('discard');
    expect(await mta.data()).toMatchObject({ verdict: 'continue', asked: false });
    await mta.mail();
    expect((await mta.header('X', 'fine')).verdict).toBe('accept');
    await mta.mail();
    expect((await mta.body()).verdict).toBe('skip');
    expect(await mta.body()).toMatchObject({ verdict: 'continue', asked: false });
    expect((await mta.eom()).verdict).toBe('continue');
    const other = await started(filter);
    expect(await other.helo('bad.example')).toMatchObject({
      verdict: 'reject',
      reply: { lines: ['Bad name'] },
    });
  });

  it('says by itself what comes before a step', async () => {
    const { filter, seen } = looking();
    const mta = await started(filter);
    await mta.eom();
    expect(seen).toEqual([
      'connect 192.0.2.1',
      'helo',
      'mail sender@example.org',
      'rcpt rcpt@example.org',
      'data',
      'eoh',
      'eom',
    ]);
  });

  it('says again what was refused, since that has not happened', async () => {
    const { filter, seen } = looking();
    const mta = await started(
      compose(
        filter,
        on('rcpt', ({ address }) => address === 'x@b.test' && reject()),
      ),
    );
    await mta.rcpt('x@b.test');
    await mta.data();
    expect(seen.slice(-3)).toEqual(['rcpt x@b.test', 'rcpt rcpt@example.org', 'data']);
  });

  it('throws where what it says by itself is refused', async () => {
    const mta = await started(on('mail', () => reject('Not you')));
    await expect(mta.rcpt('a@b.test')).rejects.toThrow(
      'simulate(): there is no rcpt, since the filter refused the mail before it, which was said by itself: ' +
        '550 5.7.1 Not you. Call mail() with what it does not refuse.',
    );
  });

  it('takes its steps one after the other, however they are called', async () => {
    const mta = await started(on('rcpt', () => timer(5).pipe(map(() => reject()))));
    const told = await Promise.all([
      mta.rcpt('a@b.test'),
      mta.rcpt('c@d.test'),
      mta.abort(),
      mta.rcpt('e@f.test'),
    ]);
    expect(told.map((one) => one?.verdict)).toEqual(['reject', 'reject', undefined, 'reject']);
    const sent = mta.lines
      .filter((line) => /^> (mail|rcpt|abort)/.test(line))
      .map((line) => line.slice(2, 6));
    expect(sent).toEqual(['mail', 'rcpt', 'rcpt', 'abor', 'mail', 'rcpt']);
  });

  it('aborts a message where there is one: for abort(), mail() and helo()', async () => {
    const { filter, seen } = looking();
    const mta = await started(filter);
    await mta.abort();
    await mta.mail('a@b.test');
    await mta.mail('c@d.test');
    await mta.helo();
    await mta.mail('e@f.test');
    await mta.abort();
    await mta.eom();
    await mta.mail('g@h.test');
    await mta.quit();
    // The one at the end the filter makes of the quit.
    expect(mta.lines.filter((line) => line === '> abort').length).toBe(3);
    expect(seen.filter((one) => /^(mail|abort|eom|close)/.test(one))).toEqual([
      'mail a@b.test',
      'abort',
      'mail c@d.test',
      'abort',
      'mail e@f.test',
      'abort',
      'mail sender@example.org',
      'eom',
      'mail g@h.test',
      'abort',
      'close',
    ]);
  });

  it('tells modifications as the functions that make them do', async () => {
    const all = [
      changeHeader('X-Changed', 'new', 2),
      deleteHeader('X-Deleted'),
      addHeader('X-Added', 'yes'),
      insertHeader('top', 'X-Top', 'yes'),
      insertHeader('bottom', 'X-Bottom', 'yes'),
      deleteRecipient('a@b.test'),
      addRecipient('c@d.test'),
      addRecipient('e@f.test', ['NOTIFY=NEVER', 'ORCPT=rfc822;x']),
      changeSender('', ['AUTH=<>']),
      quarantine('why'),
      replaceBody('x'.repeat(100_000)),
    ];
    const mta = await started(on('eom', () => all));
    expect((await mta.eom()).modifications).toEqual(all);
    const bytes = await started(on('eom', () => [insertHeader(3, 'X', 'y'), replaceBody(Buffer.of(0xff))]));
    expect((await bytes.eom()).modifications).toEqual([
      insertHeader(3, 'X', 'y'),
      replaceBody(Buffer.of(0xff)),
    ]);
  });

  it('says whether it waited for an answer', async () => {
    const mta = await started(
      compose(
        observe('mail', () => undefined),
        on('rcpt', () => undefined),
      ),
    );
    expect(
      [await mta.mail(), await mta.rcpt(), await mta.header(), await mta.eom()].map(({ asked }) => asked),
    ).toEqual([false, true, false, true]);
  });

  it('divides a body that does not fit into a frame', async () => {
    const sizes: number[] = [];
    const mta = await started(on('body', ({ chunk }) => void sizes.push(chunk.length)));
    expect((await mta.body(Buffer.alloc(150_000))).verdict).toBe('continue');
    expect(sizes).toEqual([65_535, 65_535, 18_930]);
  });

  it('takes arguments, macros and the client', async () => {
    const seen: unknown[] = [];
    const filter = observe(['connect', 'mail', 'rcpt'], (event) => {
      const { client, macros } = event.session;
      seen.push([
        client.address,
        client.host,
        macros.get('auth_authen'),
        macros.get('i'),
        'params' in event && event.params,
      ]);
    });
    const mta = await started(filter, {
      client: { address: '2001:db8::1', host: 'six.example' },
      macros: { auth_authen: 'alice' },
    });
    await mta.mail('a@b.test', { args: ['SIZE=7'], macros: { i: '4XYZ' } });
    await mta.rcpt('c@d.test', { macros: { '{i}': '4ABC' } });
    expect(seen).toEqual([
      ['2001:db8::1', 'six.example', undefined, undefined, false],
      ['2001:db8::1', 'six.example', 'alice', '4XYZ', { SIZE: '7' }],
      ['2001:db8::1', 'six.example', 'alice', '4XYZ', {}],
    ]);
  });

  it('has an unknown command, and headers of any bytes', async () => {
    const seen: string[] = [];
    const mta = await started(
      observe(
        ['unknown', 'header'],
        (event) =>
          void seen.push(event.stage === 'unknown' ? event.command : Buffer.from(event.raw).toString('hex')),
      ),
    );
    await mta.unknown('XYZZY');
    await mta.header('X', Uint8Array.of(0xe9));
    expect(seen).toEqual(['XYZZY', 'e9']);
  });

  it.each<SimulateOptions['chunks']>(['whole', 'bytes', { seed: 1 }, { seed: 2 }])(
    'comes to the same however its bytes are cut: %o',
    async (chunks) => {
      const mta = await started(
        compose(
          on('rcpt', async ({ address }) => {
            await Promise.resolve();
            return address.startsWith('x') && reject('Who?');
          }),
          on('eom', () => [addHeader('X', 'y'), replaceBody('z'.repeat(70_000))]),
        ),
        { chunks },
      );
      expect(await mta.rcpt('x@b.test')).toMatchObject({ verdict: 'reject', reply: { lines: ['Who?'] } });
      expect((await mta.eom()).modifications).toEqual([addHeader('X', 'y'), replaceBody('z'.repeat(70_000))]);
    },
  );
});

describe('a simulated MTA, of the negotiation', () => {
  it('has what was agreed on, by name', async () => {
    const mta = await started(
      compose(
        observe('header', () => undefined),
        on('rcpt', () => undefined),
        on('eom', () => undefined),
      ),
      { session: { macros: { mail: ['i', '{auth_authen}'], eom: ['i'] } } },
    );
    expect(mta.negotiated).toMatchObject({
      version: 6,
      macros: { mail: ['i', '{auth_authen}'], eom: ['i'] },
      stages: { connect: 'silent', rcpt: 'asked', header: 'silent', body: 'not sent', eom: 'asked' },
    });
    expect(mta.negotiated.rights).toContain('CHGBODY');
    expect(mta.negotiated.protocol).toContain('NOBODY');
    const old = await started(
      on(STAGES, () => undefined),
      { offer: { version: 2, protocol: 0x7f } },
    );
    expect(old.negotiated).toMatchObject({
      version: 2,
      stages: { body: 'asked', data: 'not sent', unknown: 'not sent' },
    });
  });

  it('is deferred where it does not offer what the filter requires', async () => {
    const filter = requireRights(
      ['CHGBODY'],
      on('eom', () => replaceBody('')),
    );
    const mta = await started(filter, { offer: { actions: 0x1 } });
    expect(await mta.connect()).toMatchObject({ reply: { code: 451, enhanced: '4.3.5' } });
  });

  it('throws what wrong options throw', async () => {
    await expect(simulate(compose(), { session: { version: 9 as 6 } })).rejects.toThrow(RangeError);
  });
});

describe('a simulated MTA, of whole mails', () => {
  const filter = perMessage(() => {
    let bytes = 0;
    return compose(
      on('rcpt', ({ address }) => address.startsWith('x') && reject('Who?')),
      observe('body', ({ chunk }) => void (bytes += chunk.length)),
      on('eom', () => addHeader('X-Bytes', String(bytes))),
    );
  });
  const mail = { sender: 'a@b.test', recipients: ['c@d.test', 'x@d.test'], body: 'hello\n' };

  it('says what became of each, one after the other on one connection', async () => {
    const { filter: look, seen } = looking();
    const mta = await started(compose(look, filter));
    const [first, second] = await Promise.all([mta.send(mail), mta.send({ ...mail, body: '' })]);
    expect(first).toMatchObject({ outcome: 'delivered', refused: [{ address: 'x@d.test', args: [] }] });
    expect([first, second].map(({ headers }) => headers.at(-1)?.value)).toEqual(['7', '0']);
    await mta.close();
    expect(seen.filter((one) => /^(connect|close)/.test(one))).toEqual([
      'connect 192.0.2.1',
      'close',
      'close',
    ]);
  });

  it('keeps the transcript, decoded and in words', async () => {
    const mta = await started(filter);
    await mta.send({ ...mail, recipients: ['x@d.test'] });
    expect(mta.lines.filter((line) => !line.startsWith('> macro'))).toEqual([
      '> optneg version 6 actions 0x1ff protocol 0x1fffff',
      expect.stringMatching(/^< optneg version 6 /),
      '> connect client.example.com inet 192.0.2.1 40000',
      '> helo client.example.com',
      '> mail <a@b.test>',
      '> rcpt <x@d.test>',
      '< replycode 550 5.7.1 Who?',
      '> abort',
    ]);
    await mta.rcpt('c@d.test');
    expect(mta.lines.filter((line) => line.startsWith('> rcpt'))).toEqual([
      '> rcpt <c@d.test>',
      '> rcpt <x@d.test>',
    ]);
    expect(mta.transcript.at(-1)?.sent).toEqual([{ type: 'abort' }]);
  });
});

describe('a simulated MTA, of time and failure', () => {
  it('waits for promises, Observables and timers', async () => {
    const mta = await started(
      compose(
        on('rcpt', ({ address }) => pause(2).then(() => address === 'a@b.test' && reject('promise'))),
        on('data', () => timer(2).pipe(map(() => reject('Observable')))),
      ),
    );
    expect((await mta.rcpt('a@b.test')).reply?.lines).toEqual(['promise']);
    expect((await mta.data()).reply?.lines).toEqual(['Observable']);
  });

  it('knows which events got no answer in time, in the time of a test runner', async () => {
    vi.useFakeTimers();
    const aborted = vi.fn();
    const mta = await simulate(
      on(['rcpt', 'eom'], (_event, { signal }) => {
        signal.onabort = aborted;
        return NEVER;
      }),
      { session: { timeouts: { eom: 20_000 } } },
    );
    const rcpt = mta.rcpt('a@b.test');
    await vi.advanceTimersByTimeAsync(7999);
    expect(mta.unanswered).toEqual([]);
    expect(aborted).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect((await rcpt).verdict).toBe('tempfail');
    expect(mta.unanswered).toEqual([{ stage: 'rcpt', why: expect.stringContaining('its time is up') }]);
    expect(aborted).toHaveBeenCalledOnce();
    await mta.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('gets signs of life while the end of a message is pending', async () => {
    vi.useFakeTimers();
    const mta = await simulate(on('eom', () => pauseFor(12_000)));
    const told = mta.eom();
    await vi.advanceTimersByTimeAsync(12_000);
    expect(await told).toMatchObject({ verdict: 'accept' });
    expect(mta.lines.slice(-3)).toEqual(['< progress', '< progress', '< accept']);
    await mta.close();
  });

  it('knows that it lost patience itself', async () => {
    vi.useFakeTimers();
    const mta = await simulate(
      on('rcpt', () => NEVER),
      { timeouts: { command: 1000 } },
    );
    const told = mta.rcpt('a@b.test');
    const failed = expect(told).rejects.toThrow('did not reply within 1000 ms');
    await vi.advanceTimersByTimeAsync(1000);
    await failed;
    expect(mta.unanswered).toEqual([{ stage: 'rcpt', why: expect.stringContaining('1000 ms') }]);
    await mta.close();
  });

  it('hangs up in the middle of a question, and what runs is cancelled', async () => {
    const { filter, seen } = looking();
    const cancelled = vi.fn();
    const mta = await started(
      compose(
        filter,
        on('rcpt', () => new Observable<undefined>(() => cancelled)),
      ),
    );
    const [told, queued] = [mta.rcpt('a@b.test'), mta.rcpt('c@d.test')];
    await vi.waitFor(() => expect(seen.at(-1)).toBe('rcpt a@b.test'));
    mta.hangUp();
    expect((await told).verdict).toBe('lost');
    expect((await queued).verdict).toBe('lost');
    expect(cancelled).toHaveBeenCalledOnce();
    expect(seen.slice(-2)).toEqual(['abort', 'close']);
  });

  it('keeps the outcomes, and hands them on', async () => {
    const outcome = vi.fn();
    const mta = await started(
      on('rcpt', () => {
        throw new Error('broken');
      }),
      { outcome },
    );
    expect((await mta.rcpt('a@b.test')).verdict).toBe('tempfail');
    expect(mta.outcomes.find(({ stage }) => stage === 'rcpt')?.error).toMatchObject({
      message: 'The filter failed at stage rcpt: broken',
    });
    expect(outcome).toHaveBeenCalledTimes(mta.outcomes.length);
  });

  it('rejects the steps after the filter has closed the connection', async () => {
    const mta = await started((source) =>
      source.pipe(
        map((flow) => {
          if (flow.stage === 'rcpt') throw new Error('broken');
          return flow;
        }),
      ),
    );
    expect((await mta.rcpt('a@b.test')).verdict).toBe('tempfail');
    await expect(mta.rcpt('c@d.test')).rejects.toThrow(MilterError);
    expect(mta.outcomes.some(({ error }) => error?.message.includes('broken'))).toBe(true);
  });

  it('is closed once, by itself where that is asked for, and takes no step after that', async () => {
    let kept: Simulation;
    const { filter, seen } = looking();
    {
      await using mta = await simulate(filter);
      await mta.connect();
      kept = mta;
    }
    await kept.close();
    expect(seen).toEqual(['connect 192.0.2.1', 'close']);
    await expect(kept.mail()).rejects.toThrow('simulate(): mail after the connection has ended.');
  });
});

function pauseFor(milliseconds: number): Promise<ReturnType<typeof accept>> {
  return new Promise((resolve) => setTimeout(() => resolve(accept()), milliseconds));
}
