import {
  addHeader,
  changeHeader,
  compose,
  insertHeader,
  observe,
  on,
  allow,
  SMFIP,
  type Header,
  type ServeOptions,
} from 'rxmilter';
import { describe, expect, test } from 'vitest';

import { describeMiltertest } from '../support/describe-miltertest.js';

/** Asks for a flag that is never asked for by itself, where it is offered. */
function asking(flag: number): Partial<ServeOptions> {
  return {
    negotiate: (offer, derived) => ({ ...derived, protocol: derived.protocol | (offer.protocol & flag) }),
  };
}

describeMiltertest('flags that a filter asks for itself, with miltertest', (bench) => {
  describe('HDR_LEADSPC', () => {
    const seen: Header[] = [];
    const filter = compose(
      observe('header', (header) => void seen.push(header)),
      on('eom', () => [
        addHeader('X-One', ' blank'),
        insertHeader('top', 'X-Two', 'none'),
        changeHeader('Subject', '\ttab'),
      ]),
    );
    // What has a blank of its own has two with the one that miltertest puts there, as an MTA has it from the client.
    const HEADERS = `
      mta:reach('header')
      mta:pass('header', 'Subject', 'one')
      mta:pass('header', 'X-Blank', ' two')
      mta:pass('header', 'X-Empty', '')
      mta:finish()
      mta:asked('HDRADD', 'X-One', ' blank')
      mta:asked('HDRINSERT', 'X-Two', 'none', 0)
      mta:asked('HDRCHANGE', 'Subject', '\\ttab')
      mta:close()`;

    test('has values begin after the colon, in both directions', async () => {
      seen.length = 0;
      await bench().play(
        filter,
        `
        local mta = open()
        equal('HDR_LEADSPC', mt.test_option(mta.conn, SMFIP_HDR_LEADSPC), true)
        ${HEADERS}`,
        asking(SMFIP.HDR_LEADSPC),
      );

      expect(seen.map(({ value }) => value)).toEqual([' one', '  two', ' ']);
    });

    test('is not asked for unasked', async () => {
      seen.length = 0;
      await bench().play(
        filter,
        `
        local mta = open()
        equal('HDR_LEADSPC', mt.test_option(mta.conn, SMFIP_HDR_LEADSPC), false)
        ${HEADERS}`,
      );

      expect(seen.map(({ value }) => value)).toEqual(['one', ' two', '']);
    });

    test('is not asked of an MTA that does not have it', async () => {
      seen.length = 0;
      await bench().play(filter, `local mta = open(OFFERS[4]) ${HEADERS}`, asking(SMFIP.HDR_LEADSPC));

      expect(seen.map(({ value }) => value)).toEqual(['one', ' two', '']);
    });
  });

  test('RCPT_REJ has recipients come that the MTA has refused, with an answer for each', async () => {
    const seen: [string, boolean][] = [];
    await bench().play(
      compose(
        on('rcpt', ({ address, session }) => {
          seen.push([address, session.macros.get('rcpt_mailer') === 'error']);
          return allow();
        }),
        on('eom', () => addHeader('X-Seen', 'yes')),
      ),
      `
      local mta = open()
      equal('RCPT_REJ', mt.test_option(mta.conn, SMFIP_RCPT_REJ), true)
      mta:reach('rcpt')
      mta:macros('rcpt', '{rcpt_mailer}', 'error', '{rcpt_host}', '5.1.1', '{rcpt_addr}', 'User unknown')
      mta:expect('rcpt', 'continue', '<ann@dst.example>')
      mta:expect('rcpt', 'continue', '<bob@dst.example>')
      mta:finish()
      mta:asked('HDRADD', 'X-Seen', 'yes')
      mta:close()`,
      asking(SMFIP.RCPT_REJ),
    );

    expect(seen).toEqual([
      ['ann@dst.example', true],
      ['bob@dst.example', false],
    ]);
  });
});
