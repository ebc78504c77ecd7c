import { addHeader, compose, observe, on, type Filter, type Stage } from 'rxmilter';
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

type Sighting = readonly [Stage, Readonly<Record<string, string>>];

/** Notes which macros are in scope at each event, whether the MTA waits for it or not. */
function noting(seen: Sighting[], waiting: boolean): Filter {
  const note = ({ stage, session }: { stage: Stage; session: { macros: { all(): object } } }): void => {
    seen.push([stage, { ...session.macros.all() }]);
  };
  return waiting ? on(STAGES, note) : observe(STAGES, note);
}

const EVERY_STAGE = `
  mta:macros('connect', 'j', 'mx.test.example', '{daemon_name}', 'MTA')
  mta:pass('connect')
  mta:macros('helo', '{tls_version}', 'TLSv1.3')
  mta:pass('helo')
  mta:macros('mail', 'i', 'of mail', '{mail_addr}', 'alice@src.example')
  mta:pass('mail')
  mta:macros('rcpt', 'i', 'of rcpt', '{rcpt_addr}', 'bob@dst.example')
  mta:pass('rcpt')
  mta:pass('rcpt', '<cid@dst.example>')
  mta:macros('data', 'i', 'of data')
  mta:pass('data')
  mta:macros('header', 'i', 'of header', 'x', 'for libmilter nobody asks for these')
  mta:pass('header')
  mta:macros('eoh', 'i', 'of eoh')
  mta:pass('eoh')
  mta:macros('body', 'i', 'of body')
  mta:pass('body')
  mta:macros('eom', '{nrcpts}', '1', '{empty}', '')
  mta:pass('eom')`;

describeMiltertest('macros, from miltertest', (bench) => {
  const connection = { j: 'mx.test.example', daemon_name: 'MTA' };
  const greeted = { ...connection, tls_version: 'TLSv1.3' };
  const mail = { ...greeted, mail_addr: 'alice@src.example' };

  describe.each([
    ['waits', true],
    ['does not wait', false],
  ])('where the MTA %s', (_name, waiting) => {
    test('hold as long as the protocol has them hold, and later ones hide earlier ones', async () => {
      const seen: Sighting[] = [];
      await bench().play(noting(seen, waiting), `local mta = open() ${EVERY_STAGE} mta:close()`, {
        listen: bench().endpoints.unix,
      });

      expect(seen).toEqual([
        ['connect', connection],
        ['helo', greeted],
        ['mail', { ...mail, i: 'of mail' }],
        ['rcpt', { ...mail, i: 'of rcpt', rcpt_addr: 'bob@dst.example' }],
        // of a recipient that comes without macros nothing is known
        ['rcpt', { ...mail, i: 'of mail' }],
        ['data', { ...mail, i: 'of data' }],
        ['header', { ...mail, i: 'of data' }],
        ['eoh', { ...mail, i: 'of eoh' }],
        ['body', { ...mail, i: 'of eoh' }],
        ['eom', { ...mail, i: 'of eoh', nrcpts: '1', empty: '' }],
      ]);
    });

    test.each([
      ['its end', ''],
      ['its end and ABORT', 'mta:abort()'],
      ['ABORT in the middle', 'mta:reach("data") mta:abort()'],
    ])('of a message are gone after %s', async (_end, end) => {
      const seen: Sighting[] = [];
      await bench().play(
        noting(seen, waiting),
        `
        local mta = open()
        ${EVERY_STAGE}
        ${end}
        mta:pass('unknown')
        mta:reach('rcpt')
        mta:close()`,
        { listen: bench().endpoints.unix },
      );

      expect(seen.at(-1)).toEqual(['mail', greeted]);
    });

    test('of HELO are replaced by the next HELO', async () => {
      const seen: Sighting[] = [];
      await bench().play(
        noting(seen, waiting),
        `
        local mta = open()
        ${EVERY_STAGE}
        mta:macros('helo', '{cipher}', 'AES')
        mta:pass('helo')
        mta:pass('helo')
        mta:close()`,
        { listen: bench().endpoints.unix },
      );

      expect(seen.slice(-2)).toEqual([
        ['helo', { ...connection, cipher: 'AES' }],
        ['helo', connection],
      ]);
    });

    // Sendmail sends these for recipients that it refuses itself, and then no RCPT.
    test('of a recipient that does not come are not those of another', async () => {
      const seen: Sighting[] = [];
      await bench().play(
        noting(seen, waiting),
        `
        local mta = open()
        mta:reach('rcpt')
        mta:macros('rcpt', '{rcpt_addr}', 'User unknown', '{rcpt_mailer}', 'error')
        mta:macros('rcpt', '{rcpt_addr}', 'bob@dst.example')
        mta:pass('rcpt')
        mta:macros('rcpt', '{rcpt_addr}', 'User unknown', '{rcpt_mailer}', 'error')
        mta:pass('data')
        mta:close()`,
        { listen: bench().endpoints.unix },
      );

      expect(seen.slice(-2)).toEqual([
        ['rcpt', { rcpt_addr: 'bob@dst.example' }],
        ['data', {}],
      ]);
    });
  });

  test('are there for a filter that wants none of the events that they came with', async () => {
    await bench().play(
      on('eom', ({ session }) =>
        ['j', 'tls_version', '{mail_addr}', 'i'].map((name) =>
          addHeader('X-Macro', session.macros.get(name) ?? 'none'),
        ),
      ),
      `
      local mta = open()
      ${EVERY_STAGE}
      for _, value in ipairs({ 'mx.test.example', 'TLSv1.3', 'alice@src.example', 'of eoh' }) do
        mta:asked('HDRADD', 'X-Macro', value)
      end
      mta:close()`,
    );
  });

  test.each([
    ['v', 'Postfix 3.7.11', 'postfix'],
    ['v', '8.17.1.9/8.17.1.9', 'sendmail'],
    ['_', 'localhost [127.0.0.1]', 'unknown'],
    ['j', 'mx.test.example', 'unknown'],
  ])('tell the MTA by %s being %s', async (name, value, mta) => {
    const told: string[] = [];
    await bench().play(
      observe('mail', ({ session }) => void told.push(session.mta)),
      `
      local mta = open()
      mta:macros('connect', '${name}', '${value}')
      mta:reach('rcpt')
      mta:close()`,
      { listen: bench().endpoints.unix },
    );

    expect(told).toEqual([mta]);
  });

  // miltertest has no eye for the lists themselves; their length is that of the answer.
  describe('of one\u2019s choice', () => {
    const macros = { mail: ['i', '{auth_authen}'], eom: ['i'] };
    const filter = compose(
      observe('mail', () => undefined),
      on('eom', () => addHeader('X-Seen', 'yes')),
    );

    test('are asked for behind the answer to the negotiation', async () => {
      const log = await bench().play(
        filter,
        `
        local mta = open()
        equal('SETSYMLIST', mt.test_action(mta.conn, SMFIF_SETSYMLIST), true)
        mta:finish()
        mta:asked('HDRADD', 'X-Seen', 'yes')
        mta:close()`,
        { macros },
      );

      // Sendmail reads the list for the end of the message only together with one for the end of the headers
      const lists = [4 + 'i {auth_authen}'.length + 1, 4 + 'i'.length + 1, 4 + 'i'.length + 1];
      expect(log.answersTo('O')).toEqual([[`O ${lists.reduce((sum, length) => sum + length, 12)}`]]);
    });

    test.each([
      ['is an old one', 'OFFERS[4]'],
      ['does not offer it', '{ version = 6, protocol = 0x1fffff, actions = 0xff }'],
    ])('are not asked of an MTA that %s', async (_name, offer) => {
      const log = await bench().play(
        filter,
        `
        local mta = open(${offer})
        equal('SETSYMLIST', mt.test_action(mta.conn, SMFIF_SETSYMLIST), false)
        mta:finish()
        mta:asked('HDRADD', 'X-Seen', 'yes')
        mta:close()`,
        { macros },
      );

      expect(log.answersTo('O')).toEqual([['O 12']]);
    });
  });
});
