import { map, type OperatorFunction } from 'rxjs';
import {
  accept,
  addHeader,
  addRecipient,
  changeHeader,
  compose,
  type Flow,
  observe,
  on,
  onMessage,
  quarantine,
  reject,
  remote,
  replaceBody,
  requireRights,
  type SessionOptions,
  shadow,
  type Stage,
  tempfail,
  UngrantedError,
} from 'rxmilter';
import { describe, expect, it } from 'vitest';

import { frame, optneg, said } from '../support/session-frames.js';
import { type Link, link } from '../support/session-link.js';

type AnyFilter = OperatorFunction<Flow, Flow>;

/** ADDHDRS and QUARANTINE, and no protocol flag: the offer of maddy. */
const SMALL = optneg(6, 0x21, 0);
const REFUSED = frame('y', '451 4.3.5 Server configuration problem, try again later\0');
const MODES = ['refuse', 'defer', 'skip'] as const;

const COMMANDS = {
  connect: frame('C', 'host\x004\x00\x19192.0.2.1\0'),
  helo: frame('H', 'host\0'),
  mail: frame('M', '<a@b.test>\0'),
  rcpt: frame('R', '<c@d.test>\0'),
  data: frame('T'),
  header: frame('L', 'Subject\0hello\0'),
  eoh: frame('N'),
  body: frame('B', 'Hello.\r\n'),
  eom: frame('E'),
  unknown: frame('U', 'HELP\0'),
};
const STAGES = Object.keys(COMMANDS) as Stage[];

const pass = (): undefined => undefined;
const changing = on('eom', () => changeHeader('Subject', 'x'));

function offered(filter: AnyFilter, options: SessionOptions = {}, offer = SMALL): Link {
  const mta = link(filter, options);
  mta.send(offer);
  return mta;
}

function wishes(mta: Link): unknown[] {
  return mta.errors.flatMap((error): readonly unknown[] =>
    error instanceof UngrantedError ? error.wishes : [error],
  );
}

describe('what is known at negotiation', () => {
  const here = expect.stringMatching(/^ungranted\.test\.ts:\d+:\d+$/) as string;
  const milter = 'the milter at inet:8891@127.0.0.1';
  const to = 'inet:8891@127.0.0.1';

  it.each<[string, AnyFilter, SessionOptions, unknown[]]>([
    [
      'requireRights()',
      requireRights(['CHGHDRS', 'ADDHDRS'], changing),
      {},
      [{ wish: 'requireRights()', right: 'CHGHDRS', filter: here }],
    ],
    [
      'the option requireRights',
      changing,
      { requireRights: ['QUARANTINE', 'CHGBODY', 'CHGFROM'] },
      [
        { wish: 'the option requireRights', right: 'CHGBODY', filter: undefined },
        { wish: 'the option requireRights', right: 'CHGFROM', filter: undefined },
      ],
    ],
  ])('%s: it is refused, whatever the option says', (_what, filter, options, expected) => {
    for (const ungranted of [undefined, ...MODES]) {
      const mta = offered(filter, { ...options, ungranted });
      expect(mta.heard()).toEqual(said(optneg(6, 0, 0)));
      expect(wishes(mta)).toEqual(expected);
      expect(mta.outcomes).toMatchObject([{ stage: 'negotiate', decision: undefined }]);
      expect(mta.errors[0]).toMatchObject({ granted: ['ADDHDRS', 'QUARANTINE'], mta: 'unknown' });
      expect(mta.errors[0]?.message).toMatch(
        /; the MTA grants ADDHDRS, QUARANTINE\. Its connections are refused/,
      );
      expect(mta.ask(COMMANDS.connect)).toEqual(said(REFUSED));
    }
  });

  it.each<[string, AnyFilter, SessionOptions, unknown[]]>([
    [
      'the option rights',
      changing,
      { rights: ['ADDHDRS', 'CHGHDRS'] },
      [{ wish: 'the option rights', right: 'CHGHDRS', filter: undefined }],
    ],
    [
      'the offer of a milter elsewhere',
      remote(to, { offer: { actions: 0x1ff } }),
      {},
      ['CHGBODY', 'ADDRCPT', 'DELRCPT', 'CHGHDRS', 'CHGFROM', 'ADDRCPT_PAR'].map((right) => ({
        wish: milter,
        right,
        filter: here,
      })),
    ],
  ])('%s: the option says what follows', (_what, filter, options, expected) => {
    for (const ungranted of [undefined, ...MODES]) {
      const mta = offered(filter, { ...options, ungranted });
      expect(wishes(mta)).toEqual(expected);
      expect(mta.errors[0]?.message).toMatch(
        { refuse: /refused with a 451/, defer: /failure decision/, skip: /pass without/ }[
          ungranted ?? 'defer'
        ],
      );
      const refused = ungranted === 'refuse';
      // What was asked for is granted otherwise.
      expect(mta.heard()[0]?.slice(10)).toMatch(refused ? /^00000006 *00000000/ : /^00000006 *000000(01|21)/);
      mta.send(COMMANDS.connect);
      expect(mta.outcomes.filter(({ decision }) => decision !== undefined)).toHaveLength(refused ? 1 : 0);
    }
  });

  it.each<[string, AnyFilter, SessionOptions]>([
    ['a filter that may change messages', changing, {}],
    ['a filter of whole messages', onMessage(pass), {}],
    ['an operator of which nothing is known', map((flow) => flow), {}],
    ['a milter that is offered what is granted', remote(to), {}],
    [
      'a milter that is not asked at the end',
      remote(to, { offer: { actions: 0x1ff }, stages: ['rcpt'] }),
      {},
    ],
    ['a filter that is only compared', shadow(requireRights(['CHGBODY'], changing), pass), {}],
    ['a filter that is granted what it needs', requireRights(['ADDHDRS', 'QUARANTINE'], changing), {}],
    ['macros', changing, { macros: { mail: ['i'] }, rights: ['ADDHDRS', 'SETSYMLIST'] }],
    [
      'what the hook gives away',
      changing,
      { rights: ['ADDHDRS'], negotiate: (_offer, derived) => ({ ...derived, actions: 0 }) },
    ],
  ])('nothing, for %s', (_what, filter, options) => {
    for (const ungranted of MODES) {
      const mta = offered(filter, { ...options, ungranted });
      expect(mta.outcomes).toEqual([]);
      expect(mta.ask(COMMANDS.connect)).not.toEqual(said(REFUSED));
    }
  });

  it('also what the filter itself does not ask for: the message says so', () => {
    const required = offered(
      changing,
      {
        requireRights: ['CHGHDRS'],
        negotiate: (_offer, derived) => ({ ...derived, actions: 0 }),
      },
      optneg(6, 0x1ff, 0),
    );
    expect(wishes(required)).toMatchObject([{ right: 'CHGHDRS' }]);
    expect(required.errors[0]?.message).toContain(
      'was not asked for it (see the options rights, version and',
    );
    const learnt = offered(changing, { rights: ['ADDHDRS'] }, optneg(6, 0x1ff, 0));
    learnt.send(COMMANDS.eom);
    expect(learnt.errors[0]?.message).toContain('was not asked for it (see the options rights, version and');
  });
});

describe('a connection that is refused', () => {
  const seen: string[] = [];
  const filter = requireRights(
    ['CHGBODY'],
    compose(
      observe(STAGES, ({ stage }) => void seen.push(stage)),
      map((flow: Flow) => {
        seen.push(flow.stage);
        return flow;
      }),
    ),
  );

  it('has each event deferred, and the filter sees none', () => {
    const mta = offered(filter, {}, optneg(6, 0x1ff & ~0x2, 0x1fffff));
    expect(mta.heard()).toEqual(said(optneg(6, 0, 0)));
    for (let session = 0; session < 2; session++) {
      for (const stage of STAGES) expect([stage, mta.ask(COMMANDS[stage])]).toEqual([stage, said(REFUSED)]);
      expect(mta.ask(COMMANDS.mail, frame('A'))).toEqual(said(REFUSED));
      // A part of a body frame is no event, and gets no answer of its own.
      const half = Math.floor(COMMANDS.body.length / 2);
      expect(mta.ask(COMMANDS.body.subarray(0, half))).toEqual([]);
      expect(mta.ask(COMMANDS.body.subarray(half))).toEqual(said(REFUSED));
      expect(mta.ask(frame('K'))).toEqual([]);
    }
    mta.send(frame('Q'));
    expect(mta.io.state).toBe('ended');
    expect(mta.completed).toBe(true);
    expect(seen).toEqual([]);
    expect(mta.errors).toHaveLength(1);
    const told = mta.outcomes
      .filter(({ decision }) => decision?.kind === 'tempfail')
      .map(({ stage }) => stage);
    expect(told).toEqual([...STAGES, 'mail', 'body', ...STAGES, 'mail', 'body']);
  });
});

describe('a change that is not granted', () => {
  const both = compose(
    on('eom', () => [addHeader('X-A', '1'), changeHeader('Subject', 'x'), changeHeader('Subject', 'y', 2)]),
    on('eom', () => [addRecipient('a@b.test'), replaceBody('New.\r\n'), accept()]),
  );
  const lacking = [
    { wish: 'changeHeader', right: 'CHGHDRS' },
    { wish: 'addRecipient', right: 'ADDRCPT' },
    { wish: 'replaceBody', right: 'CHGBODY' },
  ];

  it.each([undefined, 'defer', 'refuse'] as const)('defers the message, and names all (%s)', (ungranted) => {
    for (let message = 0; message < 2; message++) {
      const mta = offered(both, { ungranted });
      mta.heard();
      expect(mta.ask(COMMANDS.eom)).toEqual(said('R06'));
      expect(wishes(mta)).toMatchObject(lacking);
      expect(mta.outcomes).toMatchObject([{ decision: tempfail(), modifications: [], skipped: [] }]);
      expect(mta.ask(COMMANDS.connect)).toEqual(said('R03'));
    }
  });

  it('is skipped, the rest is done, and the outcome lists it', () => {
    const mta = offered(both, { ungranted: 'skip' });
    mta.heard();
    expect(mta.ask(COMMANDS.eom)).toEqual(said(frame('h', 'X-A\x001\0'), frame('a')));
    expect(wishes(mta)).toMatchObject(lacking);
    expect(mta.outcomes).toMatchObject([
      {
        decision: accept(),
        modifications: [addHeader('X-A', '1')],
        skipped: [
          changeHeader('Subject', 'x'),
          changeHeader('Subject', 'y', 2),
          addRecipient('a@b.test'),
          replaceBody('New.\r\n'),
        ],
      },
    ]);
    // The next message is another one.
    expect(mta.ask(COMMANDS.eom)).toHaveLength(2);
    expect(mta.errors.map((error) => error instanceof UngrantedError && error.repeated)).toEqual([
      false,
      true,
    ]);
  });

  it('names the places of the filters', () => {
    const mta = offered(both, { ungranted: 'skip' });
    mta.send(COMMANDS.eom);
    const places = mta.errors.flatMap((error) => (error instanceof UngrantedError ? error.wishes : []));
    expect(new Set(places.map(({ filter }) => filter)).size).toBe(2);
    expect(mta.errors[0]?.message).toMatch(
      /^changeHeader needs the right CHGHDRS \(at ungranted\.test\.ts:\d+:\d+\), addRecipient needs the right ADDRCPT \(at /,
    );
    expect(mta.errors[0]).toMatchObject({ place: places[0]?.filter });
  });

  it.each([
    ['a refusal', on('eom', () => [changeHeader('Subject', 'x'), reject()])],
    ['a failure', on('eom', () => Promise.reject(new Error('no')))],
  ])('is nothing of a message that ends with %s', async (_what, filter) => {
    const mta = offered(filter, { ungranted: 'skip' });
    mta.send(COMMANDS.eom);
    await Promise.resolve();
    await Promise.resolve();
    expect(mta.outcomes).toMatchObject([{ modifications: [], skipped: [] }]);
    expect(wishes(mta).filter((error) => !(error instanceof Error))).toEqual([]);
  });

  it('does not hide what else was wrong', () => {
    const mta = offered(
      on('eom', () => [changeHeader('Subject', 'x'), addHeader('X-A', 'a\rb'), quarantine('q')]),
      { ungranted: 'skip' },
    );
    mta.send(COMMANDS.eom);
    expect(mta.errors.map(({ message }) => message)).toEqual([
      expect.stringContaining('addHeader'),
      expect.stringContaining('changeHeader needs the right CHGHDRS'),
    ]);
    expect(mta.outcomes.at(-1)).toMatchObject({ skipped: [{ kind: 'changeHeader' }] });
  });

  it('is skipped beside a body that is read first', async () => {
    const mta = offered(
      on('eom', () => [changeHeader('Subject', 'x'), replaceBody(['New', '.\r\n'])]),
      { ungranted: 'skip' },
      optneg(6, 0x2, 0),
    );
    mta.heard();
    mta.send(COMMANDS.eom);
    await expect.poll(() => mta.outcomes.length).toBe(1);
    expect(mta.heard()).toEqual(said(frame('b', 'New.\r\n'), 'R03'));
    expect(mta.outcomes).toMatchObject([
      { modifications: [{ kind: 'replaceBody' }], skipped: [{ kind: 'changeHeader' }] },
    ]);
    expect(wishes(mta)).toMatchObject([{ right: 'CHGHDRS' }]);
  });

  it.each([
    ['is no change', { kind: 'nonsense' }, 'is not a modification'],
    [
      'has no arguments',
      { kind: 'addRecipient', address: 'a@b.test' },
      'addRecipient needs the right ADDRCPT;',
    ],
    ['is malformed', { kind: 'addRecipient', address: '' }, 'the address is empty'],
  ])('may be written by hand: one that %s', (_what, change, words) => {
    const filter = map((flow: Flow) =>
      flow.stage === 'eom' ? ({ ...flow, modifications: [change] } as never) : flow,
    );
    const mta = offered(filter);
    mta.heard();
    expect(mta.ask(COMMANDS.eom)).toEqual(said('R06'));
    expect(mta.errors.map(({ message }) => message)).toEqual([expect.stringContaining(words)]);
  });

  it('is not asked for where a milter elsewhere may want it, and the option rights leaves it out', () => {
    const elsewhere = remote('inet:8891@127.0.0.1', { offer: { actions: 0x1ff } });
    const mta = offered(elsewhere, { rights: ['ADDHDRS'] }, optneg(6, 0x1ff, 0));
    expect(mta.heard()).toEqual(said(optneg(6, 0x1, 0)));
    expect(mta.errors).toEqual([]);
  });
});
