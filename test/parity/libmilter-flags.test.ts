import {
  SMFIF,
  SMFIP,
  accept,
  addHeader,
  addRecipient,
  changeHeader,
  changeSender,
  compose,
  deleteRecipient,
  observe,
  on,
  quarantine,
  replaceBody,
  skip,
  type Modification,
  type Right,
  type Stage,
} from 'rxmilter';
import { describe, expect, it } from 'vitest';

import { frame, optneg, said } from '../support/session-frames.js';
import { link, opened } from '../support/session-link.js';
import { asked } from './support/asked.js';

const pass = (): undefined => undefined;
const nothing = compose();

/** The protocol flags that a filter asks for. */
function flags(...[filter, options, offer]: Parameters<typeof asked>): number {
  return asked(filter, options, offer)?.protocol ?? -1;
}

describe('the actions of libmilter: a filter', () => {
  it('asks for no right where it changes nothing', () => {
    expect(asked(on('rcpt', pass))?.actions).toBe(0);
  });

  it.each<[Right, number, Modification]>([
    ['ADDHDRS', 0x1, addHeader('X-Test', 'yes')],
    ['CHGBODY', 0x2, replaceBody('New body\r\n')],
    ['ADDRCPT', 0x4, addRecipient('carol@example.org')],
    ['DELRCPT', 0x8, deleteRecipient('bob@example.org')],
    ['CHGHDRS', 0x10, changeHeader('Subject', 'New subject')],
    ['QUARANTINE', 0x20, quarantine('policy hold')],
    ['CHGFROM', 0x40, changeSender('bounce@example.com')],
    ['ADDRCPT_PAR', 0x80, addRecipient('dave@example.org', ['NOTIFY=NEVER'])],
  ])('has the right %s where it is offered, and an error where it is not', (right, bit, modification) => {
    expect(SMFIF[right]).toBe(bit);
    const filter = on('eom', () => modification);
    const [allowed, forbidden] = [link(filter), link(filter)];
    allowed.ask(optneg(6, bit, 0x1fffff));
    expect(allowed.session.info.rights).toEqual([right]);
    expect(allowed.ask('C26')).toHaveLength(2);
    forbidden.ask(optneg(6, 0x1ff & ~bit & ~(bit === 0x4 ? 0x80 : 0), 0x1fffff));
    expect(forbidden.ask('C26')).toEqual(said('R06'));
    expect(forbidden.errors.map(({ message }) => message)).toEqual([expect.stringContaining(right)]);
  });

  it('asks for SETSYMLIST where it wants macros, and not where the MTA does not offer it', () => {
    const macros = { mail: ['i'] };
    expect(SMFIF.SETSYMLIST).toBe(0x100);
    expect(asked(nothing, { macros })).toMatchObject({ actions: 0x100, lists: [[2, 'i']] });
    expect(asked(nothing, { macros }, optneg(6, 0xff, 0x1fffff))).toMatchObject({ actions: 0, lists: [] });
  });
});

describe('the protocol flags of libmilter: a filter', () => {
  it.each<[keyof typeof SMFIP, number, Stage]>([
    ['NOMAIL', 0x4, 'mail'],
    ['NORCPT', 0x8, 'rcpt'],
    ['NOBODY', 0x10, 'body'],
    ['NOHDRS', 0x20, 'header'],
    ['NOEOH', 0x40, 'eoh'],
    ['NOUNKNOWN', 0x100, 'unknown'],
    ['NODATA', 0x200, 'data'],
  ])('asks for %s where it has no use for the event', (flag, bit, stage) => {
    expect(SMFIP[flag]).toBe(bit);
    expect(flags(nothing) & bit).toBe(bit);
    expect(flags(on(stage, pass)) & bit).toBe(0);
    expect(flags(observe(stage, pass)) & bit).toBe(0);
  });

  it.each<[keyof typeof SMFIP, number]>([
    ['NOCONNECT', 0x1],
    ['NOHELO', 0x2],
  ])('asks for %s only in the negotiate hook, because session has what the event tells', (flag, bit) => {
    expect(SMFIP[flag]).toBe(bit);
    expect(flags(nothing) & bit).toBe(0);
    const without = flags(nothing, {
      negotiate: (_offer, derived) => ({ ...derived, protocol: derived.protocol | bit }),
    });
    expect(without & bit).toBe(bit);
  });

  it.each<[keyof typeof SMFIP, number, Stage, string]>([
    ['NR_CONN', 0x1000, 'connect', 'C03'],
    ['NR_HELO', 0x2000, 'helo', 'C10'],
    ['NR_MAIL', 0x4000, 'mail', 'C12'],
    ['NR_RCPT', 0x8000, 'rcpt', 'C16'],
    ['NR_DATA', 0x10000, 'data', 'C18'],
    ['NR_UNKN', 0x20000, 'unknown', 'C31'],
    ['NR_HDR', 0x80, 'header', 'C19'],
    ['NR_EOH', 0x40000, 'eoh', 'C24'],
    ['NR_BODY', 0x80000, 'body', 'C25'],
  ])('asks for %s where it only looks, and then says nothing', (flag, bit, stage, command) => {
    expect(SMFIP[flag]).toBe(bit);
    expect(flags(on(stage, pass)) & bit).toBe(0);
    expect(flags(observe(stage, pass)) & bit).toBe(bit);
    expect(opened(observe(stage, pass)).ask(command)).toEqual([]);
    // Where the MTA does not offer not to wait, it gets its answer.
    const waiting = link(observe(stage, pass));
    waiting.ask(optneg(6, 0x1ff, 0x1fffff & ~bit));
    expect(waiting.ask(command)).toEqual(said('R03'));
  });

  it('asks for SKIP where it decides about the body, and skips by itself where it is not offered', () => {
    expect(SMFIP.SKIP).toBe(0x400);
    let chunks = 0;
    const filter = on('body', () => {
      chunks++;
      return skip();
    });
    expect(flags(filter) & 0x400).toBe(0x400);
    const mta = link(filter);
    mta.ask(optneg(6, 0x1ff, 0x1fffff & ~0x400));
    expect(mta.ask('C25', 'C25', 'C25')).toEqual(said('R03', 'R03', 'R03'));
    expect(chunks).toBe(1);
  });

  it('asks for RCPT_REJ with rejectedRecipients, and sees why the MTA has refused them', () => {
    expect(SMFIP.RCPT_REJ).toBe(0x800);
    const seen: unknown[] = [];
    const filter = on('rcpt', ({ rejected }) => {
      seen.push(rejected);
      return accept();
    });
    expect(flags(filter) & 0x800).toBe(0);
    const mta = link(filter, { rejectedRecipients: true });
    mta.ask('C01');
    expect(mta.session.info.protocol).toContain('RCPT_REJ');
    mta.send('C12', 'C17');
    // Not R04: that would accept the whole message.
    expect(mta.ask('C16')).toEqual(said('R03'));
    expect(seen).toEqual([{ status: '5.1.1', text: 'User unknown' }]);
  });

  it('asks for HDR_LEADSPC with leadingSpace, and sees and writes what follows the colon', () => {
    expect(SMFIP.HDR_LEADSPC).toBe(0x100000);
    const seen: string[] = [];
    const filter = compose(
      observe('header', ({ value }) => void seen.push(value)),
      on('eom', () => addHeader('X-Test', ' yes')),
    );
    expect(flags(filter) & 0x100000).toBe(0);
    const mta = link(filter, { leadingSpace: true });
    mta.ask('C01');
    expect(mta.session.info.protocol).toContain('HDR_LEADSPC');
    mta.send('C20');
    expect(mta.ask('C26')).toEqual(said(frame('h', 'X-Test\0 yes\0'), 'R03'));
    expect(seen).toEqual([' Hello']);
  });

  it('has no use for the bit by which test builds know one another, and never sends it', () => {
    expect(flags(on('rcpt', pass), {}, optneg(6, 0x1ff, 0xc01fffff))).toBe(flags(on('rcpt', pass)));
  });
});
