import { compose, observe, on, type Decision, accept, discard, reject, tempfail, quarantine } from 'rxmilter';
import { describe, expect, it } from 'vitest';

import { frame, optneg, said } from '../support/session-frames.js';
import { link, opened } from '../support/session-link.js';

/** Mistakes that other implementations are known for. */
describe('what libmilter gets wrong', () => {
  it.each([
    ['accept', accept(), 'R04'],
    ['reject', reject(), 'R05'],
    ['tempfail', tempfail(), 'R06'],
    ['discard', discard(), 'R07'],
  ] as const)(
    'an end of message with body in it that is decided by its body is answered once: %s',
    (_kind, decision, reply) => {
      let ends = 0;
      const mta = opened(
        compose(
          on('body', () => decision),
          observe('eom', () => ends++),
        ),
      );
      mta.send('C12');
      mta.heard();
      expect(mta.ask('C27')).toEqual(said(reply));
      expect(ends).toBe(0);
      expect(mta.ask('C26')).toEqual(said('R03'));
    },
  );

  it('an end of message with body in it is answered once where the decision comes later', async () => {
    const mta = opened(on('body', () => Promise.resolve(reject())));
    expect(mta.ask('C27')).toEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(mta.heard()).toEqual(said('R05'));
  });

  it('an end of message with body in it goes on to its end where the body is not decided', async () => {
    const seen: string[] = [];
    const filter = compose(
      on('body', async ({ chunk }) => {
        await Promise.resolve();
        seen.push(Buffer.from(chunk).toString());
      }),
      on('eom', ({ stage }) => {
        seen.push(stage);
        return accept();
      }),
    );
    const mta = opened(filter);
    mta.send('C27');
    await new Promise((resolve) => setImmediate(resolve));
    expect(mta.heard()).toEqual(said('R04'));
    expect(seen).toEqual(['Bye\r\n', 'eom']);
  });

  it('an end of message with body in it does not hang where the body is only looked at', () => {
    const seen: number[] = [];
    const mta = opened(observe('body', ({ chunk }) => void seen.push(chunk.length)));
    expect(mta.ask('C27')).toEqual(said('R03'));
    expect(seen).toEqual([5]);
  });

  it('a reply text that was not used is not kept for a later refusal', () => {
    let times = 0;
    const mta = opened(
      on('eom', () => {
        times++;
        // The class does not fit: what is said instead is the failure decision, and the text is gone.
        if (times === 1)
          return { kind: 'tempfail', reply: { code: 550, lines: ['for good'] } } as Decision as never;
        return tempfail();
      }),
    );
    expect(mta.ask('C26')).toEqual(said('R06'));
    expect(mta.ask('C26')).toEqual(said('R06'));
  });

  it.each([
    ['DATA without any RCPT', ['C12'], 'C18'],
    ['RCPT before MAIL', [], 'C16'],
    ['HEADER after EOH', ['C12', 'C16', 'C18', 'C24'], 'C19'],
    ['RCPT after the filter has accepted', ['C35'], 'C16'],
    [
      'EOH, then the end, after an UNKNOWN between RCPT and the message',
      ['C12', 'C16', 'C31', 'C19', 'C24'],
      'C26',
    ],
    ['CONNECT after QUIT_NC after an accepted message', ['C12', 'C35', 'C26', 'C30'], 'C03'],
    ['HEADER after ABORT', ['C12', 'C16', 'C28'], 'C19'],
    ['MAIL after BODYEOB', ['C12', 'C16', 'C26'], 'C12'],
  ])('no event is dropped in silence: %s', (_what, before, id) => {
    const filter = on(
      ['connect', 'helo', 'mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom', 'unknown'],
      (event) =>
        event.stage === 'rcpt' && event.address === 'u1@example.org' ? (accept() as never) : undefined,
    );
    const mta = opened(filter);
    mta.send(...before);
    mta.heard();
    expect(mta.ask(id)).toEqual(said('R03'));
  });

  it('symbol lists are not sent to an MTA that did not offer to read them', () => {
    for (const offer of [optneg(6, 0xff, 0), optneg(2, 0x1ff, 0)]) {
      const [answer] = link(compose(), { macros: { eom: ['i'] } }).ask(offer);
      expect(answer).toHaveLength(2 * 17);
    }
  });

  it('what one connection negotiates is nothing to another', () => {
    const filter = on('header', () => undefined);
    const first = link(filter, { negotiate: (_offer, terms) => ({ ...terms, protocol: 0xff080 }) });
    const second = link(filter);
    first.ask('C01');
    second.ask('C01');
    expect(first.ask('C19')).toEqual([]);
    expect(second.ask('C19')).toEqual(said('R03'));
    expect(first.ask('C19')).toEqual([]);
  });
});

describe('what Sendmail gets wrong', () => {
  it('lists for the end of the message are read only with one for the end of the headers: both are sent', () => {
    const [answer] = link(compose(), { macros: { eom: ['i'] } }).ask('C01');
    expect(answer?.slice(2 * 17)).toBe('000000056900' + '000000066900');
  });

  it('a length of 0 ends its session: none is ever sent, and one that comes closes the connection', () => {
    const mta = opened(compose());
    mta.send(Buffer.alloc(4));
    expect(mta.heard()).toEqual([]);
    expect(mta.io.state).toBe('ended');
  });

  it.each([
    ['skip at rcpt', 'rcpt', 'C16', { kind: 'skip' }],
    ['discard at connect', 'connect', 'C03', { kind: 'discard' }],
    ['discard at helo', 'helo', 'C10', { kind: 'discard' }],
    ['accept at unknown', 'unknown', 'C31', { kind: 'accept' }],
    ['skip at header', 'header', 'C19', { kind: 'skip' }],
    ['shutdown at mail', 'mail', 'C12', { kind: 'shutdown' }],
  ])(
    'bogus replies are taken for an answer to that command: %s is never sent',
    (_what, stage, id, decision) => {
      const mta = opened(on(stage as 'mail', () => decision as never));
      expect(mta.ask(id)).toEqual(said('R06'));
      expect(mta.errors).toEqual([expect.objectContaining({ name: 'AnswerError' })]);
    },
  );

  it("macros of a recipient come without the recipient: they are nobody else's", () => {
    let seen: unknown;
    const mta = opened(on('data', ({ session }) => void (seen = session.macros.all())));
    mta.send('C12', 'C17', 'C18');
    expect(seen).toEqual({});
  });

  it('a filter that lies about its rights is served, but for the body: nothing is sent without its right', () => {
    const mta = link(on('eom', () => quarantine('why')));
    mta.ask(optneg(6, 0x1f, 0));
    expect(mta.ask('C26')).toEqual(said('R06'));
  });
});

describe('what Postfix gets wrong', () => {
  it('QUARANTINE before the end of the message does harm: it is refused', () => {
    const mta = opened(on('rcpt', () => quarantine('policy hold') as never));
    expect(mta.ask('C16')).toEqual(said('R06'));
    expect(mta.errors[0]?.message).toMatch(/only at eom/);
  });

  it("a line feed in a reply is passed on as a line of the filter's choice: it is a blank", () => {
    for (const bad of ['no\n250 2.0.0 yes', 'no\r250 2.0.0 yes', 'no\r\n250 yes', 'no\0']) {
      const mta = opened(on('rcpt', () => reject(bad)));
      const [reply = ''] = mta.ask('C16');
      expect(Buffer.from(reply, 'hex').toString('latin1', 5)).toMatch(/^550 5\.7\.1 no[^\r\n]*\0$/);
      expect(mta.errors[0]).toMatchObject({ name: 'AnswerError' });
    }
  });

  it('SHUTDOWN in the content accepts the message: a 421 is a reply code', () => {
    const mta = opened(
      on('eom', () => tempfail({ code: 421, enhanced: '4.7.0', text: 'Closing, too many errors' })),
    );
    expect(mta.ask('C26')).toEqual(said('R13'));
  });

  it('a discarded sender may be followed by the message on a second connection, and this one is at rest', () => {
    const mta = opened(on('mail', () => discard()));
    expect(mta.ask('C12')).toEqual(said('R07'));
    expect(mta.ask('C28', 'C28')).toEqual([]);
    expect(mta.ask('C12')).toEqual(said('R07'));
  });

  it('macro frames without macros come all the time', () => {
    const mta = opened(on('header', () => undefined));
    for (let count = 0; count < 3; count++) expect(mta.ask('C09', 'C19')).toEqual(said('R03'));
  });

  it('HELO comes before the ABORT of the message that it ends, and is not forgotten', () => {
    const mta = opened(compose());
    mta.send('C12', frame('D', 'H'), 'C10', 'C28', 'C28');
    expect(mta.session.info.helo).toBe('client.example.com');
  });
});
