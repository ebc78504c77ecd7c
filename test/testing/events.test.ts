import { from } from 'rxjs';
import {
  observe,
  on,
  accept,
  reject,
  skip,
  AnswerError,
  type Flow,
  type MilterEvent,
  addHeader,
} from 'rxmilter';
import {
  abort,
  body,
  close,
  connect,
  data,
  eoh,
  eom,
  header,
  helo,
  mail,
  message,
  rcpt,
  replyTo,
  session,
  simulate,
  unknown,
} from 'rxmilter/testing';
import { describe, expect, it } from 'vitest';

import { STAGES } from '../../src/session/stage.js';

const EVERY = [...STAGES, 'abort', 'close'] as const;

/** What an event carries, but for the connection that it belongs to; what ties it to that is under a symbol. */
function carried(event: MilterEvent): unknown {
  const { session: _session, ...others } = Object.fromEntries(
    Object.entries(event),
  ) as unknown as MilterEvent;
  return 'mail' in others ? { ...others, mail: carried(others.mail) } : others;
}

describe('an event factory', () => {
  it('makes of each event what a session makes of it', async () => {
    const seen: MilterEvent[] = [];
    const mta = await simulate(observe(EVERY, (event) => void seen.push(event)));
    await mta.connect('2001:db8::1', { host: 'mail.example', port: 1234 });
    await mta.helo('mail.example');
    await mta.unknown('XYZZY');
    await mta.mail('alice@example.com', { args: ['SIZE=1234', 'SMTPUTF8'] });
    await mta.rcpt('bob@example.org', { args: ['NOTIFY=NEVER'] });
    await mta.data();
    await mta.header('Subject', 'grüß dich');
    await mta.eoh();
    await mta.body('hello\r\n');
    await mta.eom();
    await mta.mail('');
    await mta.abort();
    await mta.close();

    const first = mail('alice@example.com', { args: ['SIZE=1234', 'SMTPUTF8'] });
    const made = [
      connect('2001:db8::1', { host: 'mail.example', port: 1234 }),
      helo('mail.example'),
      unknown('XYZZY'),
      first,
      rcpt('bob@example.org', { args: ['NOTIFY=NEVER'], mail: first }),
      data(),
      header('Subject', 'grüß dich'),
      eoh(),
      body('hello\r\n'),
      eom(),
      mail(''),
      abort(),
      close(),
    ];
    expect(seen.map(carried)).toEqual(made.map(carried));
  });

  it('makes the same event at each call', () => {
    for (const make of [connect, helo, mail, rcpt, data, header, eoh, body, eom, unknown, abort, close]) {
      expect(make()).toStrictEqual(make());
    }
  });

  it('knows the family of an address, and that of a client of which nothing is known', () => {
    const families = ['192.0.2.1', '2001:db8::1', '/run/socket', ''].map((address) => {
      const { family, port } = connect(address);
      return [family, port > 0];
    });
    expect(families).toEqual([
      ['inet', true],
      ['inet6', true],
      ['unix', false],
      ['unknown', false],
    ]);
  });

  it('lets the connection know what the event says', () => {
    expect(connect('198.51.100.7').session.client.address).toBe('198.51.100.7');
    expect(helo('mail.example').session.helo).toBe('mail.example');
    const first = mail('alice@example.com', { session: session({ macros: { i: '4XYZ' } }) });
    expect(rcpt('bob@example.org', { mail: first }).session).toBe(first.session);
  });
});

describe('session', () => {
  it('has macros with and without braces', () => {
    const { macros } = session({ macros: { i: '4XYZ', '{auth_authen}': 'alice' } });
    expect([macros.get('i'), macros.get('{i}'), macros.get('auth_authen'), macros.get('toString')]).toEqual([
      '4XYZ',
      '4XYZ',
      'alice',
      undefined,
    ]);
    expect(macros.all()).toEqual({ i: '4XYZ', auth_authen: 'alice' });
  });

  it('is another with other macros, and another connection at each call', () => {
    expect(session({ macros: { i: '1' } })).not.toEqual(session({ macros: { i: '2' } }));
    expect(session()).toStrictEqual(session());
    expect(session()).not.toBe(session());
  });

  it('has the blank in values of headers where that was agreed to', () => {
    expect(session().leadingSpace).toBe(false);
    expect(session({ protocol: ['HDR_LEADSPC'] }).leadingSpace).toBe(true);
  });

  it('takes part of a client', () => {
    expect(session({ client: { host: 'a.example' } }).client).toMatchObject({
      host: 'a.example',
      family: 'inet',
    });
  });
});

describe('replyTo', () => {
  it('is what on() makes of the event', () => {
    const r = rcpt();
    const e = eom({ modifications: [addHeader('X-One', '1')] });
    const made: Flow[] = [];
    from<Flow[]>([r, e])
      .pipe(
        on('rcpt', () => reject('No')),
        on('eom', () => [addHeader('X-Two', '2'), accept()]),
      )
      .subscribe((flow) => made.push(flow));
    expect(made).toEqual([replyTo(r, reject('No')), replyTo(e, accept(), [addHeader('X-Two', '2')])]);
    expect(replyTo(r, reject('No'))).toEqual({
      stage: 'reply',
      to: r,
      decision: reject('No'),
      modifications: [],
    });
    expect(replyTo(e, accept(), [addHeader('X-Two', '2')]).modifications).toEqual([
      addHeader('X-One', '1'),
      addHeader('X-Two', '2'),
    ]);
  });

  it('refuses what the stage does not have', () => {
    expect(() => replyTo(rcpt(), skip() as never)).toThrow(AnswerError);
    expect(() => replyTo(rcpt(), reject(), [addHeader('X-One', '1')] as never)).toThrow('only at eom');
  });
});

describe('message', () => {
  it('is what a session sees of the same mail', async () => {
    const seen: MilterEvent[] = [];
    const mta = await simulate(
      observe(STAGES, (event) => void seen.push(event)),
      {
        client: { address: '192.0.2.9', host: 'client.example', port: 40_025 },
        helo: 'mail.example',
      },
    );
    await mta.send({
      sender: { address: 'alice@example.com', args: ['SIZE=7'] },
      recipients: ['bob@example.org', 'carol@example.org'],
      headers: [
        ['Subject', 'hello'],
        ['Received', 'from a\r\n\tby b'],
      ],
      body: 'x'.repeat(70_000),
    });
    await mta.close();
    const made = message({
      connect: '192.0.2.9',
      helo: 'mail.example',
      from: { address: 'alice@example.com', args: ['SIZE=7'] },
      to: ['bob@example.org', 'carol@example.org'],
      headers: [
        ['Subject', 'hello'],
        ['Received', 'from a\r\n\tby b'],
      ],
      body: `${'x'.repeat(70_000)}\n`,
    });
    expect(made.map(({ stage }) => stage).join(' ')).toBe(
      'connect helo mail rcpt rcpt data header header eoh body body eom',
    );
    expect(made.map(carried)).toEqual(seen.map(carried));
  });

  it('belongs to one connection, and each rcpt to the mail', () => {
    const events = message({ connect: '192.0.2.9', helo: 'mail.example', to: ['a@b.test', 'c@d.test'] });
    expect(new Set(events.map((event) => event.session)).size).toBe(1);
    expect(events[0]?.session).toMatchObject({ helo: 'mail.example', client: { address: '192.0.2.9' } });
    const first = events.find(({ stage }) => stage === 'mail');
    for (const event of events) if (event.stage === 'rcpt') expect(event.mail).toBe(first);
  });

  it('takes headers by name, a body in pieces, and none at all', () => {
    const pieces = message({ headers: { A: '1', B: '2' }, body: ['one\n', Uint8Array.of(0xff)] });
    expect(pieces.flatMap((event) => (event.stage === 'header' ? [event.name] : []))).toEqual(['A', 'B']);
    const chunks = pieces.flatMap((event) => (event.stage === 'body' ? [Buffer.from(event.chunk)] : []));
    expect(chunks).toEqual([Buffer.from('one\r\n'), Buffer.of(0xff)]);
    expect(message({ body: '', headers: {} }).map(({ stage }) => stage)).toEqual([
      'mail',
      'rcpt',
      'data',
      'eoh',
      'eom',
    ]);
  });

  it('keeps a session that there is already', () => {
    const known = session({ macros: { i: '4XYZ' } });
    expect(message({ session: known }).every((event) => event.session === known)).toBe(true);
    expect(message({ session: { macros: { i: '5' } } })[0]?.session.macros.get('i')).toBe('5');
  });
});
