import {
  compose,
  type Filter,
  observe,
  on,
  perMessage,
  accept,
  discard,
  reject,
  skip,
  tempfail,
  type MilterEvent,
  type SessionInfo,
} from 'rxmilter';
import { describe, expect, it } from 'vitest';

import { frame, said } from '../support/session-frames.js';
import { type Link, opened } from '../support/session-link.js';

const ALL = [
  'connect',
  'helo',
  'mail',
  'rcpt',
  'data',
  'header',
  'eoh',
  'body',
  'eom',
  'unknown',
  'abort',
  'close',
] as const;

function recording(...filters: readonly Filter[]): { mta: Link; seen: string[] } {
  const seen: string[] = [];
  const watch = observe(ALL, ({ stage }) => void seen.push(stage));
  return { mta: opened(compose(watch, ...filters)), seen };
}

describe('abort', () => {
  it('is told once for a message, however often it comes', () => {
    const { mta, seen } = recording();
    mta.send('C12', 'C28', 'C28', 'C28');
    expect(seen).toEqual(['mail', 'abort']);
  });

  it('is not told where no message is in progress', () => {
    const { mta, seen } = recording();
    expect(mta.ask('C28', 'C03', 'C28', 'C10', 'C28', 'C28')).toEqual([]);
    expect(seen).toEqual(['connect', 'helo']);
  });

  it('is no abort after the end of a message', () => {
    const { mta, seen } = recording();
    mta.send('C12', 'C26', 'C28', 'C28', 'C29');
    expect(seen).toEqual(['mail', 'eom', 'close']);
  });

  it('keeps what is known of the connection: HELO, then ABORT twice, as Postfix does it', () => {
    const { mta, seen } = recording();
    mta.send('C03', 'C10', 'C12', 'C16');
    mta.send(frame('H', 'other.example\0'), 'C28', 'C28');
    expect(mta.session.info).toMatchObject({ helo: 'other.example', client: { address: '192.0.2.25' } });
    expect(seen).toEqual(['connect', 'helo', 'mail', 'rcpt', 'abort', 'helo']);
  });

  it.each([
    ['a new MAIL', ['C12'], ['abort', 'mail']],
    ['a new HELO', ['C10'], ['abort', 'helo']],
    ['QUIT', ['C29'], ['abort', 'close']],
    ['QUIT_NC', ['C30'], ['abort', 'close']],
    ['another CONNECT', ['C03'], ['abort', 'connect']],
  ])('is what %s means within a message', (_what, command, expected) => {
    const { mta, seen } = recording();
    mta.send('C12', 'C16');
    seen.length = 0;
    mta.send(...command);
    expect(seen).toEqual(expected);
  });

  it('is what the end of the connection means within a message', () => {
    const { mta, seen } = recording();
    mta.send('C12', 'C16');
    mta.connection.eof();
    expect(seen).toEqual(['mail', 'rcpt', 'abort', 'close']);
    expect(mta.errors).toEqual([]);
  });

  it("tells the message's own macros", () => {
    let told: string | undefined;
    const mta = opened(observe('abort', ({ session }) => void (told = session.macros.get('i'))));
    mta.send('C11', 'C12', 'C28');
    expect(told).toBe('4XyZ1k2Lm3z9');
  });

  it.each([
    ['mail', 'C12', reject()],
    ['mail', 'C12', tempfail()],
    ['mail', 'C12', discard()],
    ['mail', 'C12', accept()],
    ['rcpt', 'C16', accept()],
    ['rcpt', 'C16', discard()],
    ['data', 'C18', accept()],
    ['data', 'C18', discard()],
    ['header', 'C19', reject()],
    ['eoh', 'C24', tempfail()],
    ['body', 'C25', accept()],
    ['eom', 'C26', reject()],
  ] as const)(
    'is not told after the filter itself has ended the message: %s %s %j',
    (stage, id, decision) => {
      const { mta, seen } = recording(on(stage as 'mail', () => decision as ReturnType<typeof reject>));
      if (stage !== 'mail') mta.send('C12');
      mta.send(id, 'C28');
      mta.send('C12', 'C29');
      expect(seen.filter((one) => one === 'abort')).toHaveLength(stage === 'mail' ? 0 : 1);
      expect(seen.slice(0, stage === 'mail' ? 2 : 3)).not.toContain('abort');
    },
  );

  it.each([
    ['a recipient', 'rcpt', 'C16'],
    ['DATA', 'data', 'C18'],
  ] as const)('is told after a refusal of %s, which leaves the message in progress', (_what, stage, id) => {
    const { mta, seen } = recording(on(stage, () => reject()));
    mta.send('C12', id, 'C28');
    expect(seen).toEqual(['mail', stage, 'abort']);
  });
});

describe('a refused DATA', () => {
  it('leaves the envelope, and RCPT and DATA may come again', () => {
    const senders: string[] = [];
    let times = 0;
    const { mta } = recording(
      on('rcpt', ({ mail }) => void senders.push(mail.address)),
      on('data', () => (++times === 1 ? reject() : undefined)),
    );
    mta.send('C12', 'C16');
    mta.heard();
    expect(mta.ask('C18')).toEqual(said('R05'));
    expect(mta.ask('C16')).toEqual(said('R03'));
    expect(mta.ask('C18')).toEqual(said('R03'));
    expect(senders).toEqual(['alice@example.com', 'alice@example.com']);
  });

  it('does not start the filter of the message anew', () => {
    let made = 0;
    const counting = perMessage(() => {
      made++;
      let recipients = 0;
      return compose(
        on('rcpt', () => {
          recipients++;
        }),
        on('data', () => (recipients < 2 ? tempfail() : undefined)),
      );
    });
    const asked = made;
    const mta = opened(counting);
    mta.send('C12', 'C16');
    mta.heard();
    expect(mta.ask('C18')).toEqual(said('R06'));
    expect(mta.ask('C16')).toEqual(said('R03'));
    expect(mta.ask('C18')).toEqual(said('R03'));
    expect(made - asked).toBe(1);
  });
});

describe('skip', () => {
  it('keeps the rest of the body from the filter, also from an MTA that sends it all the same', () => {
    const { mta, seen } = recording(on('body', () => skip()));
    mta.send('C12');
    expect(mta.ask('C25')).toEqual(said('R08'));
    expect(mta.ask('C25')).toEqual(said('R03'));
    expect(mta.ask('C26')).toEqual(said('R03'));
    expect(seen).toEqual(['mail', 'body', 'eom']);
  });

  it('holds for its message only', () => {
    const { mta } = recording(on('body', () => skip()));
    mta.send('C12', 'C25', 'C26', 'C12');
    mta.heard();
    expect(mta.ask('C25')).toEqual(said('R08'));
    mta.send('C28', 'C12');
    expect(mta.ask('C25')).toEqual(said('R08'));
  });
});

describe('QUIT_NC', () => {
  const states: [string, readonly string[]][] = [
    ['after the negotiation', []],
    ['after CONNECT', ['C03']],
    ['after HELO', ['C03', 'C10']],
    ['after MAIL', ['C03', 'C10', 'C12']],
    ['after RCPT', ['C12', 'C16']],
    ['after DATA', ['C12', 'C16', 'C18']],
    ['after a header', ['C12', 'C19']],
    ['after the headers', ['C12', 'C24']],
    ['after a piece of body', ['C12', 'C25']],
    ['after the end of a message', ['C12', 'C26']],
    ['after ABORT', ['C12', 'C28']],
    ['after an unknown command', ['C31']],
    ['twice', ['C30']],
  ];

  it.each(states)('begins a new SMTP connection %s', (_state, before) => {
    const sessions = new Set<SessionInfo>();
    const closed: MilterEvent[] = [];
    const mta = opened(
      compose(
        observe(['connect', 'helo'], ({ session }) => void sessions.add(session)),
        observe('close', (event) => void closed.push(event)),
        on('connect', () => undefined),
      ),
    );
    mta.send(...before);
    const old = mta.session.info;
    mta.heard();
    expect(mta.ask('C30')).toEqual([]);
    expect(closed.at(-1)?.session).toBe(old);
    const fresh = mta.session.info;
    expect(fresh).not.toBe(old);
    expect(fresh.id).not.toBe(old.id);
    expect(fresh).toMatchObject({ helo: undefined, version: 6, client: { host: '' } });
    expect(fresh.rights).toEqual(old.rights);
    expect(mta.ask('C05')).toEqual(said('R03'));
    expect(mta.ask('C26')).toEqual(said('R03'));
    expect(sessions.has(fresh)).toBe(true);
    expect(mta.errors).toEqual([]);
    expect(mta.io.state).toBe('open');
  });
});

describe('several messages on a connection', () => {
  it('have nothing of one another', () => {
    const seen: string[] = [];
    const filter = perMessage(() => {
      const mine: string[] = [];
      return observe(['mail', 'rcpt', 'header', 'eom'], ({ stage }) => {
        mine.push(stage);
        if (stage === 'eom') seen.push(mine.join());
      });
    });
    const mta = opened(filter);
    mta.send('C12', 'C16', 'C16', 'C19', 'C26', 'C12', 'C16', 'C28', 'C12', 'C16', 'C26', 'C26');
    expect(seen).toEqual(['mail,rcpt,rcpt,header,eom', 'mail,rcpt,eom', 'eom']);
  });

  it('are answered each for itself: refused, then accepted', () => {
    let times = 0;
    const mta = opened(on('eom', () => (++times === 1 ? reject('no') : undefined)));
    expect(mta.ask('C26')).toEqual(said(frame('y', '550 5.7.1 no\0')));
    expect(mta.ask('C26')).toEqual(said('R03'));
  });
});

describe('the end', () => {
  it.each(['C29'])('closes the connection once, and nothing is said to what follows', (id) => {
    const { mta, seen } = recording(on('connect', () => undefined));
    expect(mta.ask('C03', id, 'C12', 'C26', id)).toEqual(said('R03'));
    expect(mta.io.state).toBe('ended');
    expect(mta.completed).toBe(true);
    mta.send('C12');
    mta.connection.eof();
    mta.connection.drained();
    mta.connection.destroy();
    expect(seen).toEqual(['connect', 'close']);
    expect(mta.io.state).toBe('ended');
  });

  it('without QUIT is normal', () => {
    const { mta, seen } = recording();
    mta.send('C03');
    mta.connection.eof();
    expect(seen).toEqual(['connect', 'close']);
    expect(mta.errors).toEqual([]);
    expect(mta.completed).toBe(true);
  });

  it('within a frame is reported', () => {
    const { mta } = recording();
    mta.send('C03', frame('M', '<a@b>\0').subarray(0, 7));
    mta.connection.eof();
    expect(mta.errors).toEqual([
      expect.objectContaining({ name: 'ProtocolError', command: 'M', offset: 17 + 36 }),
    ]);
  });
});
