import { observe, on, accept, discard, allow, reject, tempfail, AnswerError, type Rcpt } from 'rxmilter';
import { describe, expect, it } from 'vitest';

import { frame, optneg, said } from '../support/session-frames.js';
import { type Link, link } from '../support/session-link.js';

const SHOWN = { rejectedRecipients: true };
const RCPT_REJ = 0x800;

function flagsAsked(mta: Link, offer: string | Buffer = 'C01'): number {
  const [answer = ''] = mta.ask(offer);
  return Number.parseInt(answer.slice(-8), 16);
}

describe('a recipient that the MTA has rejected', () => {
  it('is asked for only where that is wanted and offered', () => {
    const filter = on('rcpt', () => undefined);
    expect(flagsAsked(link(filter)) & RCPT_REJ).toBe(0);
    expect(flagsAsked(link(filter, SHOWN)) & RCPT_REJ).toBe(RCPT_REJ);
    expect(flagsAsked(link(filter, SHOWN), optneg(6, 0x1ff, 0x1ff7ff)) & RCPT_REJ).toBe(0);
    expect(flagsAsked(link(filter, SHOWN), 'C02') & RCPT_REJ).toBe(0);
  });

  it('is told by its event, with what the MTA says to it', () => {
    const seen: Rcpt['rejected'][] = [];
    const mta = link(
      observe('rcpt', (rcpt) => void seen.push(rcpt.rejected)),
      SHOWN,
    );
    mta.send('C01', 'C12', 'C17', 'C16', 'C16', frame('D', 'R{rcpt_mailer}\0error\0'), 'C16');
    expect(seen).toEqual([{ status: '5.1.1', text: 'User unknown' }, undefined, { status: '', text: '' }]);
  });

  it.each<[string, string, string, Rcpt['rejected'], string?]>([
    [
      'a status and a text without a code, as Postfix has them',
      '5.1.1',
      'No user',
      { status: '5.1.1', text: 'No user' },
    ],
    [
      'both codes before the text, as Sendmail 8.17 has them',
      '5.1.1',
      '550 5.1.1 No user',
      { status: '5.1.1', text: 'No user' },
      '8.17.1',
    ],
    ['a code alone before the text', '5.1.1', '550 No user', { status: '5.1.1', text: 'No user' }, '8.17.1'],
    ['both codes, and no status', '', '550 5.1.1 No user', { status: '5.1.1', text: 'No user' }, '8.18.2'],
    [
      'an enhanced code alone, and no status',
      '',
      '5.1.1 No user',
      { status: '5.1.1', text: 'No user' },
      '8.18.2',
    ],
    ['codes and no text', '5.1.1', '550 5.1.1', { status: '5.1.1', text: '' }, '8.17.1'],
    ['a temporary code', '4.2.0', '450 4.2.0 Full', { status: '4.2.0', text: 'Full' }, '8.17.1'],
    ['a code with a hyphen', '5.1.1', '550-No user', { status: '5.1.1', text: 'No user' }, '8.17.1'],
    [
      'no status, and a piece of the address, as Sendmail 8.18 has it',
      '',
      'no-such-user',
      { status: '', text: '' },
      '8.18.2',
    ],
    [
      'a status, and a piece of the address',
      '5.1.1',
      'no-such-user',
      { status: '5.1.1', text: '' },
      '8.18.2',
    ],
    [
      'no status, and a piece of the address that begins with digits',
      '',
      '550user',
      { status: '', text: '' },
      '8.18.2',
    ],
    ['a piece of the address from an MTA without a name', '', 'no-such-user', { status: '', text: '' }],
    ['a host that is no status', 'nouser', 'no-such-user', { status: '', text: '' }, '8.18.2'],
    [
      'a host that is no status, and a text',
      'nouser',
      '550 5.1.1 No user',
      { status: '5.1.1', text: 'No user' },
      '8.18.2',
    ],
  ])(
    'has a text where there is a code before it, or a status beside it that Sendmail has not sent: %s',
    (_what, host, user, rejected, version) => {
      const seen: Rcpt['rejected'][] = [];
      const mta = link(
        observe('rcpt', (rcpt) => void seen.push(rcpt.rejected)),
        SHOWN,
      );
      const told = frame('D', `R{rcpt_mailer}\0error\0{rcpt_host}\0${host}\0{rcpt_addr}\0${user}\0`);
      mta.send(
        'C01',
        ...(version === undefined ? [] : [frame('D', `Cv\0${version}\0`), 'C03']),
        'C12',
        told,
        'C16',
      );
      expect(seen).toEqual([rejected]);
    },
  );

  it('has no mark on its event where it is none', () => {
    const seen: string[] = [];
    const mta = link(
      observe('rcpt', (rcpt) => void seen.push(...Object.keys(rcpt))),
      SHOWN,
    );
    mta.send('C01', 'C12', frame('D', 'R{rcpt_mailer}\0esmtp\0'), 'C16');
    expect(seen).not.toContain('rejected');
  });

  it('is not looked for without the option, whatever the macros say', () => {
    const mta = link(on('rcpt', () => reject()));
    mta.ask('C01');
    expect(mta.ask('C12', 'C17', 'C16')).toEqual(said('R05'));
  });

  it.each([
    ['nothing', undefined],
    ['allow()', allow()],
    ['reject()', reject('no')],
    ['tempfail()', tempfail()],
  ])('stays so, and the MTA is told to go on, at %s', (_name, decision) => {
    const mta = link(
      on('rcpt', () => decision),
      SHOWN,
    );
    mta.ask('C01');
    expect(mta.ask('C12', 'C17', 'C16')).toEqual(said('R03'));
    expect(mta.outcomes.map(({ stage, decision: told, error }) => [stage, told?.kind, error])).toEqual([
      ['rcpt', 'allow', undefined],
    ]);
  });

  it.each([
    ['accept', accept()],
    ['discard', discard()],
  ])('does not make the whole message what %s() says, and that is reported', (name, decision) => {
    const mta = link(
      on('rcpt', (rcpt) => (rcpt.rejected === undefined ? reject() : decision)),
      SHOWN,
    );
    mta.ask('C01');
    expect(mta.ask('C12', 'C17', 'C16')).toEqual(said('R03'));
    expect(mta.errors).toEqual([
      new AnswerError(
        `${name}() about a recipient that the MTA has rejected would concern the whole message; the MTA was told to ` +
          'go on. Look at event.rejected first.',
      ),
    ]);
    expect(mta.ask('C16')).toEqual(said('R05'));
  });

  it('costs no refusal where the filter fails at it', () => {
    const mta = link(
      on('rcpt', () => {
        throw new Error('broken');
      }),
      SHOWN,
    );
    mta.ask('C01');
    expect(mta.ask('C12', 'C17', 'C16')).toEqual(said('R03'));
    expect(mta.errors.map(({ message }) => message)).toEqual(['The filter failed at stage rcpt: broken']);
  });

  it('gets no answer where none is agreed on', () => {
    const mta = link(
      observe('rcpt', () => undefined),
      SHOWN,
    );
    mta.ask('C01');
    expect(mta.ask('C12', 'C17', 'C16')).toEqual([]);
  });
});
