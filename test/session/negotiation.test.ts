import { type OperatorFunction, map } from 'rxjs';
import {
  listen,
  compose,
  observe,
  on,
  perConnection,
  perMessage,
  requireRights,
  accept,
  reject,
  NegotiationError,
  type Flow,
  type SessionOptions,
  type Stage,
} from 'rxmilter';
import { describe, expect, it } from 'vitest';

import { frame, optneg, said } from '../support/session-frames.js';
import { type Link, link } from '../support/session-link.js';

type AnyFilter = OperatorFunction<Flow, Flow>;

const nothing: AnyFilter = compose();
const raw: AnyFilter = map((flow) => flow);
const pass = (): undefined => undefined;

// The flags by the table of the protocol, written out again: the tests must not read the table that they test.
const NO = {
  connect: 0x1,
  helo: 0x2,
  mail: 0x4,
  rcpt: 0x8,
  data: 0x200,
  header: 0x20,
  eoh: 0x40,
  body: 0x10,
  unknown: 0x100,
};
const NR = {
  connect: 0x1000,
  helo: 0x2000,
  mail: 0x4000,
  rcpt: 0x8000,
  data: 0x10000,
  header: 0x80,
  eoh: 0x40000,
  body: 0x80000,
  unknown: 0x20000,
};
const SKIP = 0x400;

type Suppressible = keyof typeof NO;
const sum = (table: Record<Suppressible, number>, ...stages: Suppressible[]): number =>
  stages.reduce((all, stage) => all | table[stage], 0);
const allBut = (...stages: Suppressible[]): Suppressible[] =>
  (Object.keys(NO) as Suppressible[]).filter((stage) => !stages.includes(stage));

/** Makes an offer; what is answered. */
function answer(filter: AnyFilter, offer: Buffer | string = 'C01', options: SessionOptions = {}): string[] {
  return link(filter, options).ask(offer);
}

/** What is asked of an MTA that can do everything. */
const terms = (protocol: number, actions = 0): string[] => said(optneg(6, actions, protocol));

/** The connection was refused: nothing said, closed, and why. */
function expectRefused(mta: Link, message: RegExp, type: new (...args: never[]) => Error = NegotiationError) {
  expect(mta.heard()).toEqual([]);
  expect(mta.io.state).toBe('ended');
  expect(mta.completed).toBe(true);
  expect(mta.outcomes).toEqual([
    expect.objectContaining({ stage: 'negotiate', decision: undefined, error: expect.any(type) }),
  ]);
  expect(mta.errors[0]?.message).toMatch(message);
}

describe('what is derived from the filter', () => {
  // CONNECT and HELO are always looked at: they are what `session.client` and `session.helo` are made of.
  const known = NR.connect | NR.helo;

  it('switches off what nobody wants', () => {
    expect(answer(nothing)).toEqual(terms(sum(NO, ...allBut('connect', 'helo')) | known));
  });

  it.each(['connect', 'helo', 'mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'unknown'] as const)(
    'asks for %s where a filter decides there, and waits to be asked',
    (stage) => {
      const seen =
        stage === 'rcpt'
          ? (['connect', 'helo', 'mail', 'rcpt'] as const)
          : (['connect', 'helo', stage] as const);
      const looked = seen.filter((one) => one !== stage);
      const skip = stage === 'body' ? SKIP : 0;
      expect(answer(on(stage, pass))).toEqual(terms(sum(NO, ...allBut(...seen)) | sum(NR, ...looked) | skip));
    },
  );

  it.each(['connect', 'helo', 'mail', 'data', 'header', 'eoh', 'body', 'unknown'] as const)(
    'asks for %s without a reply where a filter looks only',
    (stage) => {
      const seen = ['connect', 'helo', stage] as const;
      expect(answer(observe(stage, pass))).toEqual(terms(sum(NO, ...allBut(...seen)) | sum(NR, ...seen)));
    },
  );

  it('asks for all rights but symbol lists where a filter decides at the end of the message', () => {
    expect(answer(on('eom', pass))).toEqual(terms(sum(NO, ...allBut('connect', 'helo')) | known, 0xff));
  });

  it('does not wait for what one filter looks at and another decides', () => {
    const both = compose(observe('mail', pass), on('mail', pass));
    expect(answer(both)).toEqual(terms(sum(NO, ...allBut('connect', 'helo', 'mail')) | known));
  });

  it.each([
    ['perMessage', perMessage(() => on('header', pass))],
    ['perConnection', perConnection(() => on('header', pass))],
    ['compose', compose(compose(on('header', pass)))],
  ])('looks into %s', (_name, filter) => {
    expect(answer(filter)).toEqual(answer(on('header', pass)));
  });

  it('asks for everything where an operator says nothing of itself', () => {
    expect(answer(raw)).toEqual(terms(SKIP, 0xff));
    expect(answer(compose(on('rcpt', pass), raw))).toEqual(terms(SKIP, 0xff));
  });

  it('asks for the rights that a filter requires, even where it never gets to use them', () => {
    expect(answer(requireRights(['CHGFROM', 'ADDHDRS'], nothing))).toEqual(
      terms(sum(NO, ...allBut('connect', 'helo')) | known, 0x41),
    );
  });
});

describe('the offer', () => {
  it('is never exceeded, whatever it is', () => {
    for (const bit of [0, 0x1, 0x80, 0x400, 0x1000, 0x80000, 0x100000]) {
      expect(answer(raw, optneg(6, 0x2, bit))).toEqual(said(optneg(6, 0x2, bit & SKIP)));
      const asked = sum(NO, ...allBut('connect', 'helo')) | NR.connect | NR.helo;
      expect(answer(nothing, optneg(6, 0x2, bit))).toEqual(said(optneg(6, 0, bit & asked)));
    }
  });

  it.each([2, 3, 4, 5, 6])('of version %i is taken', (version) => {
    const mta = link(nothing);
    expect(mta.ask(optneg(version, 0x3f, 0x7f))).toEqual(said(optneg(version, 0, 0x7c)));
    expect(mta.session.info.version).toBe(version);
  });

  it('of version 7 is answered with version 6', () => {
    expect(answer(on('eom', pass), optneg(7, 0xffffffff, 0xcfffffff))).toEqual(
      answer(on('eom', pass), optneg(6, 0x1ff, 0x1fffff)),
    );
  });

  it.each([0, 1])('of version %i is refused without a word', (version) => {
    const mta = link(nothing);
    mta.send(optneg(version, 0x1ff, 0x1fffff));
    expectRefused(mta, /version/);
  });

  it('of no actions means those of the first version', () => {
    expect(answer(on('eom', pass), optneg(2, 0, 0))).toEqual(said(optneg(2, 0x0f, 0)));
  });

  it('of no protocol flags is taken at its word: nothing is requested and every event answered', () => {
    const mta = link(observe('header', pass));
    expect(mta.ask(optneg(2, 0, 0))).toEqual(said(optneg(2, 0, 0)));
    for (const command of ['C03', 'C10', 'C12', 'C16', 'C19', 'C24', 'C25', 'C26']) {
      expect(mta.ask(command)).toEqual(said('R03'));
    }
  });

  it('may have the bits 30 and 31 set, which are neither read nor sent', () => {
    expect(answer(raw, optneg(6, 0x1ff, 0xc01fffff))).toEqual(terms(SKIP, 0xff));
    const greedy = link(raw, { negotiate: (_offer, derived) => ({ ...derived, protocol: 0x10000000 }) });
    greedy.send(optneg(6, 0x1ff, 0xf01fffff));
    expectRefused(greedy, /protocol 0x10000000 is more than the MTA offers/);
  });

  it('of an old version with newer flags is taken at its word', () => {
    const protocol = sum(NO, ...allBut('connect', 'helo', 'body')) | sum(NR, 'connect', 'helo') | SKIP;
    expect(answer(on('body', pass), optneg(4, 0, 0x1fffff))).toEqual(said(optneg(4, 0, protocol)));
  });

  it('without no-reply flags is answered for the filter at the stages that it only looks at', () => {
    const seen: string[] = [];
    const mta = link(observe(['mail', 'body'], ({ stage }) => void seen.push(stage)));
    expect(mta.ask('C02')).toEqual(said(optneg(2, 0, 0x68)));
    for (const command of ['C03', 'C10', 'C12', 'C16', 'C25', 'C26']) {
      expect(mta.ask(command)).toEqual(said('R03'));
    }
    expect(seen).toEqual(['mail', 'body']);
  });

  it('of events that could not be switched off is answered for the filter', () => {
    const mta = link(on('eom', () => accept()));
    mta.ask(optneg(6, 0x1ff, 0));
    for (const command of ['C03', 'C10', 'C12', 'C16', 'C18', 'C19', 'C24', 'C25', 'C31']) {
      expect(mta.ask('C09', command)).toEqual(said('R03'));
    }
    expect(mta.ask('C26')).toEqual(said('R04'));
  });
});

describe('options', () => {
  const quiet = sum(NR, 'connect', 'helo');

  it('stages asks for more than the filter wants', () => {
    expect(answer(nothing, 'C01', { stages: ['body'] })).toEqual(
      terms(sum(NO, ...allBut('connect', 'helo', 'body')) | quiet | NR.body),
    );
  });

  it('actions replaces what is derived, within the offer', () => {
    expect(answer(raw, 'C01', { rights: ['ADDHDRS'] })).toEqual(terms(SKIP, 0x1));
    expect(answer(raw, optneg(6, 0x2, 0x1fffff), { rights: ['ADDHDRS'] })).toEqual(terms(SKIP, 0));
    expect(answer(raw, 'C01', { rights: [] })).toEqual(terms(SKIP, 0));
  });

  it.each([
    [2, 0x3f, 0x7c],
    [3, 0x3f, 0x17c],
    [4, 0x3f, 0x37c],
  ] as const)('version %i asks for no more than it has', (version, actions, protocol) => {
    expect(answer(nothing, 'C01', { version })).toEqual(said(optneg(version, 0, protocol)));
    expect(answer(raw, 'C01', { version })).toEqual(said(optneg(version, actions, 0)));
  });

  it('version does not raise what the MTA offers', () => {
    expect(answer(nothing, 'C02', { version: 6 })).toEqual(said(optneg(2, 0, 0x7c)));
  });

  it('noReply: false lets the MTA wait everywhere, and it is answered', () => {
    const mta = link(observe('header', pass), { noReply: false });
    expect(mta.ask('C01')).toEqual(terms(sum(NO, ...allBut('connect', 'helo', 'header'))));
    expect(mta.ask('C03')).toEqual(said('R03'));
    expect(mta.ask('C19')).toEqual(said('R03'));
  });

  it('requireRights asks for rights', () => {
    expect(answer(nothing, 'C01', { requireRights: ['CHGBODY'] })).toEqual(
      terms(sum(NO, ...allBut('connect', 'helo')) | quiet, 0x2),
    );
  });

  it.each([
    [{ version: 7 }, /version is 7; it has to be a whole number from 2 to 6\./],
    [{ stages: ['bodies'] }, /stages\[0\] is 'bodies'; it has to be one of 'connect'/],
    [{ requireRights: ['EVERYTHING'] }, /requireRights\[0\] is 'EVERYTHING'/],
    [{ rights: ['toString'] }, /rights\[0\] is 'toString'/],
    [{ macros: { header: ['i'] } }, /there is no option macros\.header\. There are connect, /],
    [{ macros: { eom: 'i' } }, /macros\.eom/],
    [{ macros: { eom: ['i j'] } }, /macros\.eom/],
    [{ macros: { connect: ['i\0'] } }, /macros\.connect/],
    [
      { macros: { mail: Array.from({ length: 51 }, (_, at) => `{m${at}}`) } },
      /macros\.mail is .* There are 51 names; with more than 50 Sendmail refuses all mail\./,
    ],
    [{ failure: { kind: 'reject', reply: { code: 250, lines: ['ok'] } } }, /250 is not 5xx/],
    [{ timeouts: { reply: 0 } }, /timeouts\.reply is 0; it has to be a number of milliseconds from 1/],
    [{ timeouts: { eom: Infinity } }, /timeouts\.eom is Infinity/],
    [{ failure: { kind: 'discard' } }, /discard\(\) is not legal there\./],
  ])('%o is refused before anything is served', (options, message) => {
    expect(() => listen('inet:0@127.0.0.1', options as SessionOptions)).toThrow(message);
  });
});

describe('symbol lists', () => {
  const protocol = sum(NO, ...allBut('connect', 'helo')) | NR.connect | NR.helo;
  const list = (stage: number, names: string): Buffer =>
    Buffer.concat([Buffer.from([0, 0, 0, stage]), Buffer.from(`${names}\0`)]);
  const withLists = (...lists: Buffer[]): string[] => {
    const words = optneg(6, 0x100, protocol).subarray(5);
    return said(frame('O', Buffer.concat([words, ...lists])));
  };

  it('are laid out like the vector of the protocol', () => {
    const macros = { connect: ['j', '{daemon_name}'], rcpt: ['{rcpt_addr}', '{rcpt_host}'], eom: ['i'] };
    const negotiate: SessionOptions['negotiate'] = (_offer, derived) => ({
      ...derived,
      actions: 0x1ff,
      protocol: 0x100500,
    });
    expect(answer(raw, 'C01', { macros, negotiate })).toEqual(said('R02'));
  });

  it('that are empty are sent as such', () => {
    const negotiate: SessionOptions['negotiate'] = (_offer, derived) => ({ ...derived, protocol: 0 });
    expect(answer(nothing, 'C01', { macros: { eom: [], eoh: [] }, negotiate })).toEqual(said('R39'));
  });

  it('have their names as an MTA knows them, in braces where they are longer than a letter', () => {
    expect(answer(nothing, 'C01', { macros: { mail: ['{i}', 'auth_authen', '{auth_type}'] } })).toEqual(
      withLists(list(2, 'i {auth_authen} {auth_type}')),
    );
  });

  it('for the end of the headers and of the message go together', () => {
    expect(answer(nothing, 'C01', { macros: { eom: ['i'] } })).toEqual(withLists(list(5, 'i'), list(6, 'i')));
    expect(answer(nothing, 'C01', { macros: { eoh: ['v'] } })).toEqual(withLists(list(5, 'v'), list(6, 'v')));
    expect(answer(nothing, 'C01', { macros: { eoh: ['v'], eom: ['i', '{msg_id}'] } })).toEqual(
      withLists(list(5, 'i {msg_id}'), list(6, 'v')),
    );
  });

  it('number each stage as the protocol does', () => {
    const macros = {
      connect: ['a'],
      helo: ['b'],
      mail: ['c'],
      rcpt: ['d'],
      data: ['e'],
      eom: ['f'],
      eoh: ['g'],
    };
    expect(answer(nothing, 'C01', { macros })).toEqual(
      withLists(
        list(0, 'a'),
        list(1, 'b'),
        list(2, 'c'),
        list(3, 'd'),
        list(4, 'e'),
        list(5, 'f'),
        list(6, 'g'),
      ),
    );
  });

  it.each([
    ['where the MTA does not offer them', optneg(6, 0xff, 0x1fffff), {}],
    ['to an older MTA', optneg(4, 0x1ff, 0x37f), {}],
    ['by an older filter', optneg(6, 0x1ff, 0x1fffff), { version: 4 as const }],
  ])('are not sent %s', (_where, offer, options) => {
    const without = answer(nothing, offer, options);
    expect(answer(nothing, offer, { ...options, macros: { eom: ['i'] } })).toEqual(without);
  });
});

describe('the negotiate hook', () => {
  it('gets the offer and what was derived, and may leave it', () => {
    const calls: unknown[] = [];
    const negotiate: SessionOptions['negotiate'] = (offer, derived) => {
      calls.push(offer, derived);
      return undefined;
    };
    expect(answer(raw, 'C01', { negotiate })).toEqual(terms(SKIP, 0xff));
    expect(calls).toEqual([
      { version: 6, actions: 0x1ff, protocol: 0x1fffff },
      { version: 6, actions: 0xff, protocol: SKIP, macros: {} },
    ]);
  });

  it('may change it, and the filter is served by what it said', () => {
    const mta = link(
      on('header', () => reject()),
      {
        negotiate: () => ({ version: 6, actions: 0, protocol: 0xff080, macros: {} }),
      },
    );
    expect(mta.ask('C01')).toEqual(said(optneg(6, 0, 0xff080)));
    expect(mta.ask('C12', 'C16', 'C19', 'C24', 'C25')).toEqual([]);
    expect(mta.ask('C26')).toEqual(said('R03'));
  });

  it('may refuse the connection', () => {
    const mta = link(nothing, { negotiate: () => reject() });
    mta.send('C01');
    expectRefused(mta, /hook refused/);
  });

  it('may throw, which refuses the connection and is reported', () => {
    const mta = link(nothing, {
      negotiate: () => {
        throw new RangeError('no idea');
      },
    });
    mta.send('C01');
    expectRefused(mta, /no idea/, RangeError);
  });

  it.each([
    ['actions', { actions: 0x40 }],
    ['protocol', { protocol: 0x80 }],
    ['version', { version: 3 }],
    ['version', { version: 1 }],
    ['macros', { macros: { eom: ['i'] } }],
  ])('may not go beyond the offer with its %s', (what, excess) => {
    const mta = link(nothing, { negotiate: (_offer, derived) => ({ ...derived, ...excess }) });
    mta.send('C02');
    expectRefused(mta, new RegExp(what));
  });
});

it('tells each event what was agreed to', () => {
  let told: unknown;
  const mta = link(
    on('connect', ({ session }) => void (told = { version: session.version, rights: session.rights })),
  );
  mta.send(optneg(4, 0x3f, 0x37f), 'C03');
  expect(told).toEqual({ version: 4, rights: [] });
  const modifying = link(on('eom', pass));
  modifying.send(optneg(6, 0x11, 0));
  expect(modifying.session.info.rights).toEqual(['ADDHDRS', 'CHGHDRS']);
});

it.each(['C03', 'C10', 'C12', 'C26', 'C28', 'C29', 'C11'])('takes nothing before the offer: %s', (id) => {
  const seen: Stage[] = [];
  const mta = link(observe(['connect', 'helo', 'mail', 'eom'], ({ stage }) => void seen.push(stage)));
  expect(mta.ask(id)).toEqual([]);
  expect(mta.io.state).toBe('ended');
  expect(mta.errors[0]).toMatchObject({ name: 'ProtocolError', reason: 'it came before the negotiation' });
  expect(seen).toEqual([]);
});

it('takes no second offer', () => {
  const mta = link(nothing);
  mta.ask('C01');
  expect(mta.ask('C01')).toEqual([]);
  expect(mta.io.state).toBe('ended');
  expect(mta.errors[0]).toMatchObject({ name: 'ProtocolError', command: 'O', offset: 17 });
});
