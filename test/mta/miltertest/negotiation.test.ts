import { tap } from 'rxjs';
import {
  addHeader,
  addRecipient,
  changeSender,
  compose,
  observe,
  on,
  perMessage,
  quarantine,
  reject,
  replaceBody,
  requireRights,
  skip,
  type Filter,
  type Flow,
  type Modification,
  type Right,
} from 'rxmilter';
import { describe, expect, test } from 'vitest';

import { describeMiltertest } from '../support/describe-miltertest.js';

const STAGES = [
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
] as const;

const BASE: readonly Right[] = ['ADDHDRS', 'CHGBODY', 'ADDRCPT', 'DELRCPT', 'CHGHDRS', 'QUARANTINE'];
/** An MTA of version 2 or 3 has no DATA; miltertest sends it all the same, and then it has to be answered. */
const KNOWN = STAGES.filter((stage) => stage !== 'unknown');
const VERSIONS = [
  [2, KNOWN, BASE],
  [3, STAGES, BASE],
  [4, STAGES, BASE],
  [6, STAGES, [...BASE, 'CHGFROM', 'ADDRCPT_PAR']],
] as const;

/** One event of each stage, in the order of STAGES; the unknown command after the message. */
const ALL_STAGES = `for _, stage in ipairs({ 'connect', 'helo', 'mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom', 'unknown' }) do`;

/** Marks every message, so that a reply too many or too few before its end is found at it. */
const mark = (): Filter => on('eom', () => addHeader('X-Seen', 'yes'));

const FILTERS: readonly (readonly [string, () => Filter])[] = [
  [
    'looks at everything',
    () =>
      compose(
        observe(STAGES, () => undefined),
        mark(),
      ),
  ],
  [
    'decides everything',
    () =>
      compose(
        on(STAGES, () => undefined),
        mark(),
      ),
  ],
  ['has an eye on the end alone', mark],
  [
    'looks at some and decides others',
    () =>
      compose(
        observe(['header', 'rcpt'], () => undefined),
        on(['mail', 'body'], () => undefined),
        mark(),
      ),
  ],
  // nothing is known of such an operator, so everything is asked for
  ['is an operator of its own', () => compose(tap<Flow>(), mark())],
];

describeMiltertest('negotiation, with miltertest', (bench) => {
  describe.each(VERSIONS)('of version %i', (version, stages, rights) => {
    test('tells the filter what was agreed on', async () => {
      const told: unknown[] = [];
      await bench().play(
        on('eom', ({ session }) => void told.push(session.version, session.rights)),
        `local mta = open(OFFERS[${version}]) mta:finish() mta:close()`,
      );

      // no right is asked for to choose macros where none are chosen
      expect(told).toEqual([version, rights]);
    });

    test('has all stages that there are, each with its answer where a filter decides', async () => {
      const seen: string[] = [];
      await bench().play(
        on(STAGES, ({ stage }) => void seen.push(stage)),
        `
        local mta = open(OFFERS[${version}])
        ${ALL_STAGES}
          local reply = mta:send(stage)
          if reply ~= 'unsent' then equal(stage, reply, 'continue') end
        end
        mta:close()`,
      );

      expect(seen).toEqual(stages);
    });

    test(`${version < 6 ? 'waits' : 'does not wait'} where a filter only looks`, async () => {
      const seen: string[] = [];
      await bench().play(
        compose(
          observe(STAGES, ({ stage }) => void seen.push(stage)),
          mark(),
        ),
        `
        local mta = open(OFFERS[${version}])
        for round = 1, 2 do
          ${ALL_STAGES}
            if round == 1 or stage ~= 'connect' then
              local reply = mta:send(stage)
              if stage == 'eom' then
                equal(stage, reply, 'continue')
                mta:asked('HDRADD', 'X-Seen', 'yes')
              elseif reply ~= 'unsent' then
                equal(stage, reply, '${version < 6 ? 'continue' : 'silence'}')
              end
            end
          end
        end
        mta:close()`,
        { listen: bench().endpoints.unix }, // over TCP there is always an answer to DATA
      );

      expect(seen).toEqual([...stages, ...stages.slice(1)]);
    });

    test.each(stages)('lets a filter refuse at %s', async (stage) => {
      await bench().play(
        on(stage, () => reject('no')),
        `
        local mta = open(OFFERS[${version}])
        ${stage === 'unknown' ? '' : `mta:reach('${stage}')`}
        mta:expect('${stage}', 'replycode')
        mta:close()`,
        { listen: bench().endpoints.unix },
      );
    });

    test.each<[Right, () => Modification]>([
      ['CHGBODY', () => replaceBody('New.\r\n')],
      ['QUARANTINE', () => quarantine('why')],
      ['CHGFROM', () => changeSender('dan@src.example')],
      ['ADDRCPT_PAR', () => addRecipient('dan@dst.example', ['NOTIFY=NEVER'])],
    ])('with a modification that needs %s', async (right, modification) => {
      const log = await bench().play(
        on('eom', () => [addHeader('X-Seen', 'yes'), modification()]),
        `local mta = open(OFFERS[${version}]) mta:reach('eom') mta:send('eom') mta:close()`,
      );

      if ((rights as readonly Right[]).includes(right)) {
        expect(log.answersTo('E')).toEqual([['h 11', expect.any(String), 'c 0']]);
        return;
      }
      // all or nothing: it is put off, and the filter hears why
      expect(log.answersTo('E')).toEqual([['t 0']]);
      expect(bench().errors).toMatchObject([
        { name: 'UngrantedError', message: expect.stringContaining(right) },
      ]);
      bench().errors = [];
    });

    test(version < 6 ? 'knows no SKIP: the rest of the body goes nowhere' : 'knows SKIP', async () => {
      await bench().play(
        perMessage(() => {
          let chunks = 0;
          return compose(
            on('body', () => {
              chunks++;
              return skip();
            }),
            on('eom', () => addHeader('X-Chunks', String(chunks))),
          );
        }),
        `
        local mta = open(OFFERS[${version}])
        for message = 1, 2 do
          mta:reach('body')
          ${
            version < 6
              ? `for chunk = 1, 3 do mta:expect('body', 'continue') end`
              : `mta:expect('body', 'skip')`
          }
          mta:finish()
          mta:asked('HDRADD', 'X-Chunks', '1')
        end
        mta:close()`,
      );
    });
  });

  test.each([
    [5, 5],
    [7, 6],
    [0x7fffffff, 6],
    [0xffffffff, 6],
  ])('of version %i is answered with %i', async (offered, agreed) => {
    const versions: number[] = [];
    await bench().play(
      on('eom', ({ session }) => {
        versions.push(session.version);
        return addHeader('X-Seen', 'yes');
      }),
      `
      local mta = open({ version = ${offered}, protocol = 0x1fffff, actions = 0x1ff })
      mta:finish()
      mta:asked('HDRADD', 'X-Seen', 'yes')
      mta:close()`,
    );

    expect(versions).toEqual([agreed]);
  });

  test.each([0, 1])('of version %i is not answered: the connection is closed', async (version) => {
    await expect(
      bench().play(
        mark(),
        `
        local mta, problem = negotiate({ version = ${version}, protocol = 0x3f, actions = 0x0f })
        equal('session', mta, nil)
        mt.echo(problem)`,
      ),
      // miltertest complains of it itself
    ).rejects.toThrow(/mt\.milter_read\(\) failed[^]*read\(3\): returned 0, expected 5/);

    expect(bench().errors).toMatchObject([{ name: 'NegotiationError' }]);
    bench().errors = [];
  });

  test('without a right that the filter requires: all is refused for now', async () => {
    const seen: string[] = [];
    await bench().play(
      requireRights(
        ['CHGFROM'],
        on(STAGES, ({ stage }) => void seen.push(stage)),
      ),
      `
      local mta = open(OFFERS[4])
      ${ALL_STAGES}
        mta:expect(stage, 'replycode')
      end
      mta:close()`,
    );

    expect(seen).toEqual([]);
    expect(bench().errors).toMatchObject([
      { name: 'UngrantedError', message: expect.stringContaining('CHGFROM') },
    ]);
    bench().errors = [];
  });

  test('of no actions at all means those of version 1', async () => {
    const rights: (readonly Right[])[] = [];
    await bench().play(
      on('eom', ({ session }) => {
        rights.push(session.rights);
        return addHeader('X-Seen', 'yes');
      }),
      `
      local mta = open({ version = 2, protocol = 0x7f, actions = 0 })
      mta:finish()
      mta:asked('HDRADD', 'X-Seen', 'yes')
      mta:close()`,
    );

    expect(rights).toEqual([BASE.slice(0, 4)]);
  });

  test('of no protocol flags at all: everything comes and has its answer', async () => {
    await bench().play(
      mark(),
      `
      local mta = open({ version = 6, protocol = 0, actions = 0x1ff })
      ${ALL_STAGES} mta:expect(stage, 'continue') end
      mta:asked('HDRADD', 'X-Seen', 'yes')
      mta:close()`,
    );
  });

  test('says what is not of use, and what may go without an answer', async () => {
    await bench().play(
      compose(
        on('rcpt', () => undefined),
        observe('header', () => undefined),
      ),
      `
      local mta = open()
      local function flag(name, wanted) equal(name, mt.test_option(mta.conn, _G['SMFIP_' .. name]), wanted) end
      for _, name in ipairs({ 'NOEOH', 'NOBODY', 'NODATA', 'NOUNKNOWN' }) do flag(name, true) end
      for _, name in ipairs({ 'NOCONNECT', 'NOHELO', 'NOMAIL', 'NORCPT', 'NOHDRS' }) do flag(name, false) end
      for _, name in ipairs({ 'NR_CONN', 'NR_HELO', 'NR_MAIL', 'NR_HDR' }) do flag(name, true) end
      for _, name in ipairs({ 'NR_RCPT', 'SKIP', 'RCPT_REJ', 'HDR_LEADSPC' }) do flag(name, false) end
      for bit = 0, 8 do equal('action ' .. bit, mt.test_action(mta.conn, 1 << bit), false) end
      mta:finish()
      mta:close()`,
      { listen: bench().endpoints.unix },
    );
  });

  // Every script finds an answer that is more than its offer. Here the offers have gaps, and the answers have to fit.
  describe.each(FILTERS)('with a filter that %s', (_name, filter) => {
    const MESSAGES = `
      for message = 1, 2 do
        mta:reach('rcpt')
        mta:pass('rcpt')
        mta:pass('unknown')
        mta:finish()
        mta:asked('HDRADD', 'X-Seen', 'yes')
      end
      mta:close()`;

    test.each([
      ['all flags but one', '0x1fffff & ~(1 << bit)'],
      ['one flag alone', '1 << bit'],
      ['the flags up to one', '(1 << bit) - 1'],
      ['one flag, and all those that libmilter keeps for itself', '(1 << bit) | 0xf0000000'],
    ])('is offered %s', async (_offer, protocol) => {
      await bench().play(
        filter(),
        `
        for bit = 0, 20 do
          local mta = open({ version = 6, protocol = ${protocol}, actions = 0x1ff })
          ${MESSAGES}
        end`,
        { listen: bench().endpoints.unix },
      );
    });

    test('is offered some of the actions', async () => {
      await bench().play(
        filter(),
        `
        for bit = 1, 8 do
          local mta = open({ version = 6, protocol = 0x1fffff, actions = 0x1ff & ~(1 << bit) })
          ${MESSAGES}
          local mta = open({ version = 6, protocol = 0x1fffff, actions = 1 | 1 << bit })
          ${MESSAGES}
        end`,
        { listen: bench().endpoints.unix },
      );
    });
  });

  describe('by options', () => {
    test('that lower the version: it is an MTA of that version', async () => {
      const versions: number[] = [];
      await bench().play(
        compose(
          observe(STAGES, ({ session }) => void versions.push(session.version)),
          mark(),
        ),
        `
        local mta = open()
        ${ALL_STAGES} if stage ~= 'unknown' then mta:expect(stage, 'continue') end end
        mta:asked('HDRADD', 'X-Seen', 'yes')
        mta:close()`,
        { version: 2 },
      );

      expect(new Set(versions)).toEqual(new Set([2]));
    });

    test('that have the MTA wait everywhere', async () => {
      await bench().play(
        observe(STAGES, () => undefined),
        `
        local mta = open()
        ${ALL_STAGES} mta:expect(stage, 'continue') end
        mta:close()`,
        { noReply: false },
      );
    });

    test('that ask for a part of the rights', async () => {
      await bench().play(
        mark(),
        `
        local mta = open()
        equal('ADDHDRS', mt.test_action(mta.conn, SMFIF_ADDHDRS), true)
        equal('CHGBODY', mt.test_action(mta.conn, SMFIF_CHGBODY), true)
        for bit = 2, 8 do equal('action ' .. bit, mt.test_action(mta.conn, 1 << bit), false) end
        mta:close()`,
        { rights: ['ADDHDRS', 'CHGBODY'] },
      );
    });
  });
});
