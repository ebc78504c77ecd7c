import { deliver, type MtaMacros, type MtaKind } from 'rxmilter/mta';
import { describe, expect, it } from 'vitest';

import { replyFrame } from '../support/scripted-milter.js';
import { hex } from '../support/vectors.js';
import { scripted } from './support/milters.js';

const MAIL = { sender: 'alice@example.com', recipients: ['bob@example.org'] };
const VALUES: MtaMacros = {
  '{testmacro}': 'hello',
  t: 'now',
  '{mail_addr}': 'alice@example.com',
  m: 'of m',
  x: 'of x',
};

/** The macros of MAIL as a milter gets them that asks for these names. */
async function atMail(mta: MtaKind, names: string, macros: MtaMacros): Promise<string | undefined> {
  const offer = Buffer.concat([
    Buffer.from([0, 0, 0, 6, 0, 0, 1, 0xff, 0, 0, 0, 0, 0, 0, 0, 2]),
    Buffer.from(`${names}\0`),
  ]);
  const milter = await scripted({ O: replyFrame('O', offer.toString('latin1')) });
  await deliver({ ...MAIL, macros }, { to: milter.address, mta });
  return milter.macros
    .map((frame) => hex(frame).toString('latin1', 5))
    .find((text) => text.startsWith('M'))
    ?.slice(1)
    .replaceAll('\0', ' ')
    .trim();
}

describe('the simulated MTA, asked for macros by name,', () => {
  // Seen of Postfix 3.7 with milter_macro_defaults, and of Sendmail 8.17.
  it.each<[string, MtaKind, string, string]>([
    [
      'has one that is asked for without braces',
      'postfix',
      'testmacro mail_addr',
      'testmacro hello mail_addr alice@example.com',
    ],
    [
      'has one that is asked for with braces',
      'postfix',
      '{testmacro},{mail_addr}',
      '{testmacro} hello {mail_addr} alice@example.com',
    ],
    ['has one of a letter in either way', 'postfix', 't {m} x {x}', 't now {m} of m x of x {x} of x'],
    ['has nothing for one that it does not know', 'postfix', 'nothing {nothing} n', ''],
    [
      'has the macro of the first letter where braces are missing',
      'sendmail',
      'testmacro mail_addr',
      'testmacro now mail_addr of m',
    ],
    [
      'has one that is asked for with braces',
      'sendmail',
      '{testmacro},{mail_addr}',
      '{testmacro} hello {mail_addr} alice@example.com',
    ],
    ['has one of a letter in either way', 'sendmail', 't {m} x {x}', 't now {m} of m x of x {x} of x'],
  ])('%s, as %s', async (_what, mta, names, told) => {
    expect(await atMail(mta, names, VALUES)).toBe(told);
  });

  it.each<[string, MtaMacros]>([
    ['with braces', { '{mail_addr}': 'other', i: 'Q1' }],
    ['without', { mail_addr: 'other', i: 'Q1' }],
  ])('takes values of its own names, given %s, in the place of its own', async (_what, macros) => {
    expect(await atMail('postfix', '{mail_addr} i', macros)).toBe('{mail_addr} other i Q1');
  });
});
