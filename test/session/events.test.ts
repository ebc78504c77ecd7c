import { observe, on, type EventAt, type MilterEvent } from 'rxmilter';
import { describe, expect, it } from 'vitest';

import { frame, optneg, said } from '../support/session-frames.js';
import { link, opened } from '../support/session-link.js';
import { latin1 } from '../support/vectors.js';

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

/** The events that a filter sees when the MTA says this. */
function eventsOf(...what: readonly (string | Buffer)[]): MilterEvent[] {
  const seen: MilterEvent[] = [];
  opened(observe(ALL, (event) => void seen.push(event))).send(...what);
  return seen;
}

/** The only event at that stage. */
function eventAt<S extends MilterEvent['stage']>(
  stage: S,
  ...what: readonly (string | Buffer)[]
): EventAt<S> {
  const found = eventsOf(...what).filter((event): event is EventAt<S> => event.stage === stage);
  expect(found).toHaveLength(1);
  const [event] = found;
  if (event === undefined) throw new Error('none');
  return event;
}

describe('connect', () => {
  it.each([
    ['C03', 'mail.example.com', 'inet', 54321, '192.0.2.25'],
    ['C04', '[IPv6:2001:db8::25]', 'inet6', 25000, '2001:db8::25'],
    ['C05', 'mx.example.net', 'inet6', 25000, '2001:db8::25'],
    ['C06', 'localhost', 'unix', 0, '/run/smtp.sock'],
    ['C07', 'localhost', 'unknown', 0, ''],
    // The short form, as Postfix writes it, whatever Sendmail was built to write.
    ['C32', '[IPv6:0:0:0:0:0:0:0:1]', 'inet6', 42352, '::1'],
    ['C33', 'localhost', 'inet', 0, '127.0.0.1'],
  ])('%s tells of the client, and so does the session from then on', (id, host, family, port, address) => {
    const event = eventAt('connect', id);
    expect(event).toMatchObject({ host, family, port, address });
    expect(Buffer.from(event.raw)).toEqual(latin1(host));
    expect(event.session.client).toEqual({ host, family, port, address });
  });
});

describe('helo', () => {
  it('gives the name, and the session has the last one', () => {
    expect(eventAt('helo', 'C10')).toMatchObject({ name: 'client.example.com' });
    const seen: unknown[] = [];
    const mta = opened(on('helo', (event) => void seen.push([event.name, event.session.helo])));
    expect(mta.session.info.helo).toBeUndefined();
    mta.send('C10', frame('H', '\0'), frame('H', 'caf\xe9\0'));
    expect(seen).toEqual([
      ['client.example.com', 'client.example.com'],
      ['', ''],
      ['café', 'café'],
    ]);
  });
});

describe('mail', () => {
  it.each([
    ['C12', 'alice@example.com', ['SIZE=1234', 'BODY=8BITMIME'], { SIZE: '1234', BODY: '8BITMIME' }],
    ['C13', '', [], {}],
    ['C14', '', [], {}],
    ['C15', 'jörg@example.de', ['SMTPUTF8'], { SMTPUTF8: '' }],
  ])('%s gives the address without brackets and the arguments', (id, address, args, params) => {
    expect(eventAt('mail', id)).toMatchObject({ address, args, params });
  });

  it.each([
    ['<Bob@Example.ORG.>', 'Bob', 'example.org'],
    ['<"a@b"@x.example>', '"a@b"', 'x.example'],
    ['<bob@b\xc3\xbccher.example>', 'bob', 'xn--bcher-kva.example'],
    ['<bob@[192.0.2.1]>', 'bob', '[192.0.2.1]'],
    ['<postmaster>', 'postmaster', ''],
    ['<>', '', ''],
  ])('divides %s into its parts', (address, local, domain) => {
    expect(eventAt('mail', frame('M', `${address}\0`))).toMatchObject({ local, domain });
    const [, rcpt] = eventsOf(frame('M', '<>\0'), frame('R', `${address}\0`));
    expect(rcpt).toMatchObject({ local, domain });
  });

  it('keeps the bytes as they came, which is what tells the two null senders apart', () => {
    expect(Buffer.from(eventAt('mail', 'C13').raw)).toEqual(latin1('<>'));
    expect(Buffer.from(eventAt('mail', 'C14').raw)).toEqual(latin1(''));
    expect(Buffer.from(eventAt('mail', frame('M', '<caf\xe9@x>\0')).raw)).toEqual(latin1('<caf\xe9@x>'));
  });

  it('names arguments in capitals however the client typed them', () => {
    const { params } = eventAt('mail', frame('M', 'a@b\0size=10\0A=b=c\0Smtputf8\0'));
    expect(params).toEqual({ SIZE: '10', A: 'b=c', SMTPUTF8: '' });
  });
});

describe('rcpt', () => {
  it('has its address, its arguments and its MAIL', () => {
    const [mail, rcpt] = eventsOf('C12', 'C16');
    expect(rcpt).toMatchObject({
      address: 'bob@example.org',
      args: ['NOTIFY=NEVER'],
      params: { NOTIFY: 'NEVER' },
    });
    expect((rcpt as EventAt<'rcpt'>).mail).toBe(mail);
    expect(Buffer.from((rcpt as EventAt<'rcpt'>).raw)).toEqual(latin1('<bob@example.org>'));
  });

  it('has its MAIL where nobody else looks at that', () => {
    let sender: string | undefined;
    opened(on('rcpt', ({ mail }) => void (sender = mail.address))).send('C12', 'C16');
    expect(sender).toBe('alice@example.com');
  });

  it('without MAIL is answered, and has a sender of nothing', () => {
    let mail: unknown;
    const mta = link(on('rcpt', (rcpt) => void (mail = rcpt.mail)));
    mta.ask('C01');
    expect(mta.ask('C16')).toEqual(said('R03'));
    expect(mail).toMatchObject({ stage: 'mail', address: '', args: [], params: {} });
  });

  it('does not have the MAIL of an earlier message', () => {
    const senders: string[] = [];
    const mta = opened(on('rcpt', ({ mail }) => void senders.push(mail.address)));
    mta.send('C12', 'C16', 'C28', 'C16');
    expect(senders).toEqual(['alice@example.com', '']);
  });
});

describe('header', () => {
  it.each([
    ['C19', 'Subject', 'Hello', 'Hello'],
    ['C20', 'Subject', ' Hello', ' Hello'],
    ['C21', 'Received', 'from a.example\n\tby b.example', 'from a.example\n\tby b.example'],
    ['C22', 'X-Empty', '', ''],
    ['C23', 'Subject', 'café', 'caf\xe9'],
  ])('%s gives name and value, and the bytes of the value', (id, name, value, raw) => {
    const event = eventAt('header', id);
    expect(event).toMatchObject({ name, value });
    expect(Buffer.from(event.raw)).toEqual(latin1(raw));
  });
});

describe('body', () => {
  it('gives bytes, NUL and all', () => {
    const bytes = Buffer.from([0, 1, 13, 10, 255, 0]);
    expect(Buffer.from(eventAt('body', frame('B', bytes)).chunk)).toEqual(bytes);
  });

  it('gives the bytes in order wherever the frame is cut, and is answered once', () => {
    const bytes = Buffer.from(Array.from({ length: 999 }, (_, index) => index % 251));
    for (const at of [1, 4, 5, 6, 500, 1003]) {
      const chunks: Buffer[] = [];
      const mta = opened(on('body', ({ chunk }) => void chunks.push(Buffer.from(chunk))));
      const whole = frame('B', bytes);
      mta.send(whole.subarray(0, at));
      expect(mta.heard()).toEqual([]);
      mta.send(whole.subarray(at));
      expect(mta.heard()).toEqual(said('R03'));
      expect(Buffer.concat(chunks)).toEqual(bytes);
    }
  });

  it('of 65535 bytes is taken', () => {
    expect(eventAt('body', frame('B', Buffer.alloc(65535, 'x'))).chunk).toHaveLength(65535);
  });
});

describe('data, eoh, eom and unknown', () => {
  it('are events too', () => {
    expect(eventAt('data', 'C18').stage).toBe('data');
    expect(eventAt('eoh', 'C24').stage).toBe('eoh');
    expect(eventAt('eom', 'C26')).toMatchObject({ modifications: [] });
    expect(eventAt('unknown', 'C31')).toMatchObject({ command: 'FOO bar' });
    expect(eventAt('unknown', 'C36')).toMatchObject({ command: '' });
  });
});

it('every event is a plain object that knows its session', () => {
  const events = eventsOf(
    'C03',
    'C10',
    'C31',
    'C12',
    'C16',
    'C18',
    'C19',
    'C24',
    'C25',
    'C26',
    'C12',
    'C28',
    'C29',
  );
  expect(events.map(({ stage }) => stage)).toEqual([
    'connect',
    'helo',
    'unknown',
    'mail',
    'rcpt',
    'data',
    'header',
    'eoh',
    'body',
    'eom',
    'mail',
    'abort',
    'close',
  ]);
  for (const event of events) {
    expect(Object.getPrototypeOf(event)).toBe(Object.prototype);
    expect(event.session).toBe(events[0]?.session);
  }
  expect(events[5]).toEqual({ ...events[5] });
});

it('events come in the order of the MTA whatever it leaves out', () => {
  // BODYEOB without EOH, EOH without HEADER, BODY without EOH, HEADER without DATA, a message without RCPT.
  for (const order of [
    ['C26'],
    ['C24', 'C26'],
    ['C12', 'C25', 'C26'],
    ['C12', 'C19', 'C26'],
    ['C18', 'C26'],
  ]) {
    const mta = link(on(['mail', 'data', 'header', 'eoh', 'body', 'eom'], () => undefined));
    mta.send(optneg(6, 0, 0));
    mta.heard();
    for (const id of order) expect(mta.ask(id)).toEqual(said('R03'));
    expect(mta.errors).toEqual([]);
  }
});

it('a client whose address cannot be read is unknown, and its mail is not lost', () => {
  const event = eventAt('connect', frame('C', 'host\x004\0\x19no address\0'));
  expect(event).toMatchObject({ family: 'unknown', address: 'no address', port: 25 });
});

it('two connections have sessions of their own', () => {
  const first = opened(observe('connect', () => undefined));
  const second = opened(observe('connect', () => undefined));
  first.send('C03');
  expect(first.session.id).not.toBe(second.session.id);
  expect(second.session.info.client).toEqual({ host: '', family: 'unknown', port: 0, address: '' });
});
