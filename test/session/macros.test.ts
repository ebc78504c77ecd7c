import { compose, observe, on, discard, reject, type MilterEvent, type SessionOptions } from 'rxmilter';
import { describe, expect, it } from 'vitest';

import { type Bytes, frame, optneg } from '../support/session-frames.js';
import { type Link, link, opened } from '../support/session-link.js';

/** A macro frame. */
function macros(letter: string, ...strings: readonly string[]): Buffer {
  return frame('D', letter + strings.map((one) => `${one}\0`).join(''));
}

/** A connection that keeps the macros in scope at each event. */
function recording(options: SessionOptions = {}): { mta: Link; seen: [string, Record<string, string>][] } {
  const seen: [string, Record<string, string>][] = [];
  const see = (event: MilterEvent): void => void seen.push([event.stage, { ...event.session.macros.all() }]);
  const all = [
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
  return { mta: opened(observe(all, see), options), seen };
}

describe('macros', () => {
  it('are those of the connection, of the message and of the recipient, each as long as it lasts', () => {
    const { mta, seen } = recording();
    mta.send(macros('C', 'j', 'mx'), 'C03', macros('H', '{tls_version}', 'TLSv1.3'), 'C10');
    mta.send(macros('M', 'i', 'Q1'), 'C12', macros('R', '{rcpt_addr}', 'a'), 'C16');
    mta.send(macros('R', '{rcpt_addr}', 'b'), 'C16', macros('T', 't', '1'), 'C18');
    mta.send('C19', macros('N', 'n', '1'), 'C24', 'C25', macros('E', '{msg_id}', 'm'), 'C26');
    const message = { j: 'mx', tls_version: 'TLSv1.3', i: 'Q1' };
    expect(seen).toEqual([
      ['connect', { j: 'mx' }],
      ['helo', { j: 'mx', tls_version: 'TLSv1.3' }],
      ['mail', message],
      ['rcpt', { ...message, rcpt_addr: 'a' }],
      ['rcpt', { ...message, rcpt_addr: 'b' }],
      ['data', { ...message, t: '1' }],
      ['header', { ...message, t: '1' }],
      ['eoh', { ...message, t: '1', n: '1' }],
      ['body', { ...message, t: '1', n: '1' }],
      ['eom', { ...message, t: '1', n: '1', msg_id: 'm' }],
    ]);
  });

  it('of a later stage hide those of an earlier one', () => {
    const { mta, seen } = recording();
    mta.send(
      macros('M', 'i', 'early'),
      'C12',
      macros('N', 'i', 'headers'),
      'C24',
      macros('E', 'i', 'late'),
      'C26',
    );
    expect(seen.map(([, { i }]) => i)).toEqual(['early', 'headers', 'late']);
  });

  it('replace all of their stage', () => {
    const { mta, seen } = recording();
    mta.send(macros('M', 'i', 'Q1', 'a', '1'), macros('M', 'i', 'Q2'), 'C12');
    expect(seen).toEqual([['mail', { i: 'Q2' }]]);
  });

  it('are asked for with or without braces, whichever way they came', () => {
    const { mta } = recording();
    mta.send(macros('C', '{j}', 'mx', 'daemon_name', 'smtpd', '{client_addr}', '192.0.2.1'), 'C03');
    const { macros: store } = mta.session.info;
    for (const name of ['j', '{j}']) expect(store.get(name)).toBe('mx');
    for (const name of ['daemon_name', '{daemon_name}']) expect(store.get(name)).toBe('smtpd');
    for (const name of ['client_addr', '{client_addr}']) expect(store.get(name)).toBe('192.0.2.1');
    expect(store.get('{{j}}')).toBeUndefined();
    expect(store.get('nobody')).toBeUndefined();
  });

  it('may be empty, and are then a value', () => {
    const { mta } = recording();
    mta.send(macros('C', 'j', ''), 'C03');
    expect(mta.session.info.macros.get('j')).toBe('');
  });

  it('are not confused with what every object has', () => {
    const { mta } = recording();
    mta.send(macros('C', '__proto__', 'x', 'constructor', 'y'), 'C03');
    expect(mta.session.info.macros.get('toString')).toBeUndefined();
    expect(mta.session.info.macros.get('constructor')).toBe('y');
    expect(Object.entries(mta.session.info.macros.all())).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
  });

  it('keep bytes that are not UTF-8 as Latin-1', () => {
    const { mta } = recording();
    mta.send(macros('C', 'j', 'caf\xe9', 'u', 'caf\xc3\xa9'), 'C03');
    expect(mta.session.info.macros.all()).toEqual({ j: 'café', u: 'café' });
  });
});

describe('a macro frame', () => {
  it('without macros replaces those that were there', () => {
    const { mta, seen } = recording();
    mta.send(macros('M', 'i', 'Q1'), macros('M'), 'C12');
    expect(seen).toEqual([['mail', {}]]);
  });

  it('whose last name has no value is taken without that one', () => {
    const { mta, seen } = recording();
    mta.send(macros('M', 'i', 'Q1', '{auth_authen}'), 'C12');
    expect(seen).toEqual([['mail', { i: 'Q1' }]]);
  });

  it.each(['L', 'B', 'U', 'Z', '\0', '\xff'])('for %j is taken and ignored', (letter) => {
    const { mta, seen } = recording();
    mta.send(macros('M', 'i', 'Q1'), 'C12', macros(letter, 'i', 'other'), 'C19');
    expect(seen.at(-1)).toEqual(['header', { i: 'Q1' }]);
    expect(mta.errors).toEqual([]);
  });

  it('may come again and again, and without its event', () => {
    const { mta, seen } = recording();
    mta.send(macros('C', 'j', 'mx'), 'C03', macros('H', 'h', '1'), macros('H', 'h', '2'), 'C12');
    expect(seen.at(-1)).toEqual(['mail', { j: 'mx', h: '2' }]);
  });

  it('for a recipient whose event does not come is nobody\'s: "D R" without "R"', () => {
    const { mta, seen } = recording();
    mta.send(
      macros('M', 'i', 'Q1'),
      'C12',
      macros('R', '{rcpt_addr}', 'a'),
      'C16',
      'C17',
      'C18',
      'C19',
      'C26',
    );
    expect(seen.slice(2)).toEqual([
      ['data', { i: 'Q1' }],
      ['header', { i: 'Q1' }],
      ['eom', { i: 'Q1' }],
    ]);
  });

  it("for a recipient whose event does not come is nobody's where there is no DATA either", () => {
    const { mta, seen } = recording();
    mta.send(macros('M', 'i', 'Q1'), 'C12', 'C16', 'C17', 'C19', 'C24');
    expect(seen.slice(2)).toEqual([
      ['header', { i: 'Q1' }],
      ['eoh', { i: 'Q1' }],
    ]);
  });

  it('is in force for each recipient, and not for the next that has none', () => {
    const { mta, seen } = recording();
    mta.send('C12', macros('R', '{rcpt_addr}', 'a'), 'C16', 'C16');
    expect(seen.slice(1)).toEqual([
      ['rcpt', { rcpt_addr: 'a' }],
      ['rcpt', {}],
    ]);
  });

  it('belongs to its message where events are switched off', () => {
    // As both MTAs do it where nothing but the end of the message is asked for.
    const seen: unknown[] = [];
    const filter = on('eom', ({ session }) => void seen.push(session.macros.all()));
    const mta = link(filter, { negotiate: (_offer, terms) => ({ ...terms, protocol: 0x37f }) });
    mta.send('C01', macros('C', 'j', 'mx'), macros('H'));
    mta.send(
      macros('M', 'm', '1'),
      macros('R', 'r', '1'),
      macros('R', 'r', '2'),
      macros('T', 't', '1'),
      macros('E', 'i', 'Q1'),
      'C26',
    );
    mta.send('C28', macros('M', 'a', '1'), macros('R'), macros('T'), macros('E', 'i', 'Q2'), 'C26');
    mta.send(macros('M'), macros('E', 'i', 'Q3'), 'C26', 'C26');
    expect(seen).toEqual([
      { j: 'mx', m: '1', t: '1', i: 'Q1' },
      { j: 'mx', a: '1', i: 'Q2' },
      { j: 'mx', i: 'Q3' },
      { j: 'mx' },
    ]);
  });
});

describe('a second message on a connection', () => {
  const first = (mta: Link): void => {
    mta.send(macros('C', 'j', 'mx'), 'C03', macros('H', 'h', '1'), 'C10');
    mta.send(macros('M', 'i', 'Q1'), 'C12', macros('R', 'r', '1'), 'C16', macros('T', 't', '1'), 'C18');
  };
  const rset = (mta: Link): void => mta.send('C28');
  const content = (mta: Link): void =>
    mta.send('C19', macros('N', 'n', '1'), 'C24', 'C25', macros('E', 'e', '1'), 'C26');

  it.each([
    ['after the end of the first', (mta: Link) => content(mta)],
    ['after the end of the first and an ABORT', (mta: Link) => [content, rset].forEach((step) => step(mta))],
    ['after RSET', rset],
    ['after two ABORTs', (mta: Link) => mta.send('C28', 'C28')],
    ['without a word about the end of the first', () => undefined],
  ])('has nothing of the first: %s', (_when, end) => {
    const { mta, seen } = recording();
    first(mta);
    end(mta);
    seen.length = 0;
    mta.send('C12', 'C16', 'C18', 'C19', 'C24', 'C25', 'C26');
    expect(seen.filter(([stage]) => stage !== 'abort')).toEqual(
      ['mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom'].map((stage) => [stage, { j: 'mx', h: '1' }]),
    );
  });

  it('has nothing of the first after an EHLO within it, in either order of EHLO and ABORT', () => {
    for (const order of ['sendmail', 'postfix']) {
      const { mta, seen } = recording();
      first(mta);
      if (order === 'sendmail') mta.send('C28', macros('H', 'h', '2'), 'C10');
      else mta.send(macros('H', 'h', '2'), 'C10', 'C28', 'C28');
      mta.send('C12');
      expect(seen.slice(-2)).toEqual([
        ['helo', { j: 'mx', h: '2' }],
        ['mail', { j: 'mx', h: '2' }],
      ]);
    }
  });

  it('has its own macros, which came before the first was known to be over', () => {
    const { mta, seen } = recording();
    first(mta);
    mta.send(macros('M', 'i', 'Q2'), 'C12');
    expect(seen.at(-1)).toEqual(['mail', { j: 'mx', h: '1', i: 'Q2' }]);
  });

  it.each([
    ['refused', reject()],
    ['discarded', discard()],
  ])('has nothing of one that the filter has %s early', (_what, decision) => {
    const seen: unknown[] = [];
    const filter = compose(
      on('mail', ({ session }) => void seen.push(session.macros.all())),
      on('data', () => decision),
    );
    const mta = opened(filter);
    first(mta);
    mta.send('C12');
    expect(seen).toEqual([
      { j: 'mx', h: '1', i: 'Q1' },
      { j: 'mx', h: '1' },
    ]);
  });

  it('has nothing of one that was switched off and aborted', () => {
    const seen: unknown[] = [];
    const filter = on('eom', ({ session }) => void seen.push(session.macros.all()));
    const mta = link(filter, { negotiate: (_offer, terms) => ({ ...terms, protocol: 0x37f }) });
    mta.send('C01', macros('C', 'j', 'mx'), macros('M', 'm', '1'), macros('R', 'r', '1'), 'C28', 'C26');
    expect(seen).toEqual([{ j: 'mx' }]);
  });
});

describe('the end of their scope', () => {
  it('is for all of them the end of the SMTP connection', () => {
    const { mta, seen } = recording();
    mta.send(macros('C', 'j', 'mx'), 'C03', macros('H', 'h', '1'), 'C10', macros('M', 'i', 'Q1'), 'C12');
    mta.send('C30', 'C03', 'C10', 'C12');
    expect(seen.slice(-3)).toEqual([
      ['connect', {}],
      ['helo', {}],
      ['mail', {}],
    ]);
  });

  it('is for those of HELO the next HELO', () => {
    const { mta, seen } = recording();
    mta.send(macros('C', 'j', 'mx'), 'C03', macros('H', '{tls_version}', '1'), 'C10', 'C10');
    expect(seen.at(-1)).toEqual(['helo', { j: 'mx' }]);
  });

  it('is for all of them another CONNECT', () => {
    const { mta, seen } = recording();
    mta.send(macros('C', 'j', 'mx'), 'C03', macros('H', 'h', '1'), 'C10', 'C03');
    expect(seen.at(-1)).toEqual(['connect', {}]);
  });

  it('is not an unknown command', () => {
    const { mta, seen } = recording();
    mta.send(macros('M', 'i', 'Q1'), 'C12', macros('U'), 'C31', 'C18');
    expect(seen.slice(1)).toEqual([
      ['unknown', { i: 'Q1' }],
      ['data', { i: 'Q1' }],
    ]);
  });

  it('is not the end of the headers, however many frames Postfix sends with each', () => {
    const { mta, seen } = recording();
    mta.send(macros('M', 'i', 'Q1'), 'C12');
    mta.send(macros('L', 'i', 'Q1'), 'C19', macros('L', 'i', 'Q1'), 'C22', macros('N', 'i', 'Q1'), 'C24');
    mta.send(macros('B', 'i', 'Q1'), 'C25', macros('E', 'i', 'Q1'), 'C26');
    expect(new Set(seen.map(([, { i }]) => i))).toEqual(new Set(['Q1']));
  });
});

describe('the TLS of a session', () => {
  it('is what the MTA tells of it, the name that was asked for included', () => {
    const { mta } = recording();
    const told = [
      '{tls_version}',
      'TLSv1.3',
      '{cipher}',
      'AES',
      '{cipher_bits}',
      '256',
      '{tls_sni}',
      'mx.example.org',
    ];
    mta.send('C03', macros('H', ...told), 'C10');
    expect(mta.session.info.tls).toEqual({
      version: 'TLSv1.3',
      cipher: 'AES',
      bits: 256,
      verify: undefined,
      subject: undefined,
      issuer: undefined,
      sni: 'mx.example.org',
    });
  });
});

describe('the MTA', () => {
  it.each([
    ['postfix', ['v', 'Postfix 3.7.11']],
    ['sendmail', ['v', '8.17.1']],
    ['sendmail', ['v', '8.18.2/Submit']],
    ['unknown', ['v', 'Another 8.17.1']],
    ['unknown', ['v', '0.11.2', '{if_addr}', '192.0.2.1']],
    ['sendmail', ['_', 'localhost [127.0.0.1]', '{if_name}', 'mx.example.org']],
    ['sendmail', ['{if_addr}', '192.0.2.1', '_', 'localhost [127.0.0.1]']],
    ['sendmail', ['{_}', 'localhost [127.0.0.1]', '{if_name}', 'mx.example.org']],
    // What Go programs take over from Sendmail, maddy among them.
    ['maddy', ['daemon_name', 'maddy', 'if_name', 'unknown', 'if_addr', '0.0.0.0']],
    ['unknown', ['{daemon_name}', 'maddy', '{if_name}', 'unknown', '{if_addr}', '0.0.0.0']],
    ['unknown', ['_', 'localhost [127.0.0.1]', 'if_name', 'mx.example.org', 'if_addr', '192.0.2.1']],
    ['unknown', ['auth_ssf', '128', 'msg_id', '<1@example.com>']],
    [
      'stalwart',
      ['{daemon_name}', 'Stalwart v0.16.0', 'j', 'mx.example.org', '{client_addr}', '2001:db8::1'],
    ],
    ['unknown', ['j', 'mx.example.org']],
    ['unknown', []],
  ])('is %s by the macros %j', (name, strings) => {
    const { mta } = recording();
    mta.send(macros('C', ...strings), 'C03');
    expect(mta.session.info.mta).toBe(name);
  });

  it.each<[string, string, readonly Bytes[]]>([
    ['sendmail', 'the prefix of an IPv6 address', ['C04']],
    ['unknown', 'an IPv6 address without it', ['C05']],
    [
      'unknown',
      'a client that calls itself like an IPv6 address, which is no word of the MTA',
      [frame('C', '[IPv6:2001:db8::25]\x006\x61\xa82001:db8::25\0')],
    ],
    ['sendmail', 'the strength of the authentication', ['C03', macros('M', '{auth_ssf}', '0'), 'C12']],
    ['sendmail', 'the dot behind a host', ['C03', macros('M', '{mail_host}', 'example.com.'), 'C12']],
    [
      'unknown',
      'the dot behind a host without braces',
      ['C03', macros('M', 'mail_host', 'example.com.'), 'C12'],
    ],
    ['unknown', 'a host without it', ['C03', macros('M', '{mail_host}', 'example.com'), 'C12']],
    ['sendmail', 'the id of the message', ['C03', 'C12', macros('E', '{msg_id}', '<1@example.com>'), 'C26']],
    ['postfix', 'macros for HEADER', ['C03', 'C12', macros('L', 'i', 'Q1'), 'C19']],
    ['postfix', 'macros for BODY', ['C03', 'C12', macros('B'), 'C25']],
  ])('without a name is %s by %s', (name, _habit, frames) => {
    let seen = '';
    const see = ({ session }: MilterEvent): void => void (seen = session.mta);
    const mta = opened(observe(['connect', 'mail', 'header', 'body', 'eom'], see));
    mta.send(...frames);
    expect(seen).toBe(name);
  });

  it('stays what it was recognised as when the message is over whose macros gave it away', () => {
    const seen: string[] = [];
    const mta = opened(observe(['mail', 'abort', 'close'], ({ session }) => void seen.push(session.mta)));
    mta.send('C03', macros('M', '{mail_host}', 'example.com.'), 'C12', 'C28', 'C29');
    expect(seen).toEqual(['sendmail', 'sendmail', 'sendmail']);
  });
});

it('keeps the macros of the end of the message while a last piece of body that came with it is looked at', async () => {
  const seen: unknown[] = [];
  const filter = compose(
    on('body', async () => {
      await Promise.resolve();
    }),
    on('eom', ({ session }) => void seen.push(session.macros.get('i'))),
  );
  const mta = link(filter);
  mta.send(optneg(6, 0, 0), 'C12', macros('E', 'i', 'Q1'), 'C27');
  await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
  expect(seen).toEqual(['Q1']);
});
