import type { WireModification, Mail } from 'rxmilter/mta';
import { describe, expect, it } from 'vitest';

import { fieldsOf } from '../../src/mta/simulate/mail.js';
import { applyModifications, draftOf, type MtaDraft } from '../../src/mta/simulate/mta-draft.js';
import { POSTFIX, PostfixHeaderList, POSTFIX_RECIPIENTS } from '../../src/mta/simulate/postfix.js';
import { profileOf } from '../../src/session/profiles/recognise.js';
import { latin1 } from '../support/vectors.js';

const MAIL = {
  sender: 'alice@example.com',
  recipients: ['bob@example.org', { address: 'carol@example.org', args: ['NOTIFY=NEVER'] }],
  headers: [
    ['Received', 'from elsewhere'],
    ['Subject', 'one'],
    ['X-Spam', 'a'],
    ['x-spam', 'b'],
    ['X-SPAM', 'c'],
  ],
  body: 'line\nlast',
} as const;

const asCame = (mail: Mail = MAIL, leadspc = false): MtaDraft => {
  const own = [{ name: 'Received', raw: latin1(' by us') }];
  return draftOf(mail, new PostfixHeaderList(fieldsOf(mail.headers ?? []), own, leadspc), POSTFIX_RECIPIENTS);
};
const changed = (modifications: WireModification[], leadspc = false): MtaDraft => {
  const draft = asCame(MAIL, leadspc);
  applyModifications(draft, modifications, { profile: profileOf('postfix'), server: POSTFIX });
  return draft;
};
const header = (modifications: WireModification[], leadspc = false): string[] =>
  changed(modifications, leadspc)
    .headers.toBytes()
    .toString('latin1')
    .replace(/\r\n$/, '')
    .split(/\r\n(?![ \t])/);
const OWN = 'Received: by us';
const BEFORE = [OWN, 'Received: from elsewhere', 'Subject: one', 'X-Spam: a', 'x-spam: b', 'X-SPAM: c'];

describe('the header', () => {
  it('is what came, and the field of the MTA on top of it', () => {
    expect(header([])).toEqual(BEFORE);
  });

  it('gets what is added at its end', () => {
    expect(header([{ type: 'addHeader', name: 'Subject', value: 'two' }])).toEqual([
      ...BEFORE,
      'Subject: two',
    ]);
  });

  it.each([
    [0, 0],
    [1, 1],
    [2, 2],
    [6, 6],
    [999, 6],
  ])('gets what is inserted at %i there, its own field counted', (index, at) => {
    expect(header([{ type: 'insertHeader', index, name: 'X', value: '1' }])).toEqual([
      ...BEFORE.slice(0, at),
      'X: 1',
      ...BEFORE.slice(at),
    ]);
  });

  it('keeps the order of what is inserted at 0, 1 and 2', () => {
    const fields = header(
      [0, 1, 2].map((index) => ({ type: 'insertHeader', index, name: 'X', value: `${index}` })),
    );
    expect(fields).toEqual(['X: 0', 'X: 1', 'X: 2', ...BEFORE]);
  });

  it('counts those of a name that the milter was shown, in any case, from 1; 0 is the first', () => {
    expect(header([{ type: 'changeHeader', index: 1, name: 'received', value: 'x' }])[1]).toBe('received: x');
    expect(header([{ type: 'changeHeader', index: 0, name: 'X-Spam', value: 'x' }])[3]).toBe('X-Spam: x');
    expect(header([{ type: 'changeHeader', index: 3, name: 'X-Spam', value: 'x' }])[5]).toBe('X-Spam: x');
  });

  it('counts again after a deletion', () => {
    const gone = (index: number): WireModification => ({
      type: 'changeHeader',
      index,
      name: 'X-Spam',
      value: '',
    });
    expect(header([gone(1), gone(2)])).toEqual(BEFORE.filter((field) => !/[ac]$/.test(field)));
    expect(header([gone(3), gone(2), gone(1)])).toEqual(BEFORE.slice(0, 3));
    expect(header([gone(4)])).toEqual(BEFORE);
  });

  it('gets at its end what is changed and not there', () => {
    expect(header([{ type: 'changeHeader', index: 4, name: 'X-Spam', value: 'd' }])).toEqual([
      ...BEFORE,
      'X-Spam: d',
    ]);
  });

  it('has no blank but those that the milter writes, where that was agreed', () => {
    expect(header([{ type: 'addHeader', name: 'X', value: 'v' }], true).at(-1)).toBe('X:v');
    expect(header([{ type: 'addHeader', name: 'X', value: ' v' }], true).at(-1)).toBe('X: v');
    expect(header([{ type: 'changeHeader', index: 1, name: 'Subject', value: ' ' }], true)[2]).toBe(
      'Subject: ',
    );
  });

  it('lets no value begin another field', () => {
    expect(header([{ type: 'addHeader', name: 'X', value: 'a\n\tb\nBcc: c\r\n d' }]).at(-1)).toBe(
      'X: a\r\n\tb\r\n\tBcc: c\r\n d',
    );
  });

  it('keeps the bytes of a value', () => {
    const field = { type: 'addHeader', name: 'X', value: 'café', raw: latin1('caf\xe9') } as const;
    expect(changed([field]).headers.toBytes().includes(latin1('X: caf\xe9\r\n'))).toBe(true);
    expect(changed([field]).headers.list().at(-1)).toEqual({
      name: 'X',
      value: 'café',
      raw: latin1(' caf\xe9'),
    });
  });

  it('is shown as was agreed', () => {
    expect(asCame(MAIL, false).headers.shown()[1]).toEqual({ name: 'Subject', raw: latin1('one') });
    expect(asCame(MAIL, true).headers.shown()[1]).toEqual({ name: 'Subject', raw: latin1(' one') });
  });
});

describe('the body', () => {
  const body = (...pieces: string[]): string =>
    changed(pieces.map((piece) => ({ type: 'replaceBody', data: latin1(piece) }))).body.toString('latin1');

  it('has CRLF line ends', () => {
    expect(changed([]).body.toString()).toBe('line\r\nlast\r\n');
    expect(asCame({ ...MAIL, body: '' }).body).toHaveLength(0);
    expect(asCame({ ...MAIL, body: latin1('raw\n\0') }).body.toString('latin1')).toBe('raw\n\0');
  });

  it('is replaced by all the pieces, its last line ended', () => {
    expect(body('one\r', '\ntwo')).toBe('one\r\ntwo\r\n');
    expect(body('bare\nline\rend\xff')).toBe('bare\r\nline\rend\xff\r\n');
  });

  it('is replaced by nothing', () => {
    expect(body('')).toBe('');
  });
});

describe('the envelope', () => {
  const recipients = (...modifications: WireModification[]): string[] =>
    changed(modifications)
      .recipients.list()
      .map(({ address, args }) => [address, ...args].join(' '));
  const BOB = 'bob@example.org';
  const CAROL = 'carol@example.org NOTIFY=NEVER';

  it('gains recipients, each once, and not the null address', () => {
    expect(
      recipients(
        { type: 'addRecipient', text: '<dave@example.org>' },
        { type: 'addRecipient', text: 'dave@example.org' },
        { type: 'addRecipient', text: '<>' },
        { type: 'addRecipientPar', address: '<erin@example.org>', args: ['NOTIFY=NEVER  ORCPT=rfc822;x'] },
        { type: 'addRecipientPar', address: '<frank@example.org>', args: [] },
      ),
    ).toEqual([
      BOB,
      CAROL,
      'dave@example.org',
      'erin@example.org NOTIFY=NEVER ORCPT=rfc822;x',
      'frank@example.org',
    ]);
  });

  it('loses recipients, with or without brackets, in their own case', () => {
    expect(recipients({ type: 'deleteRecipient', text: '<bob@example.org>' })).toEqual([CAROL]);
    expect(recipients({ type: 'deleteRecipient', text: BOB })).toEqual([CAROL]);
    expect(recipients({ type: 'deleteRecipient', text: 'BOB@example.org' })).toEqual([BOB, CAROL]);
    expect(recipients({ type: 'deleteRecipient', text: BOB }, { type: 'addRecipient', text: BOB })).toEqual([
      CAROL,
      BOB,
    ]);
  });

  it.each([
    [
      '<bounce@example.com>',
      ['RET=HDRS ENVID=abc'],
      { address: 'bounce@example.com', args: ['RET=HDRS', 'ENVID=abc'] },
    ],
    ['<>', [''], { address: '', args: [] }],
    ['', [], { address: '', args: [] }],
  ])('has %s with %j for its sender', (address, args, sender) => {
    expect(changed([{ type: 'changeSender', address, args }]).sender).toEqual(sender);
  });

  it('says why it is held, and that not at length', () => {
    expect(changed([{ type: 'quarantine', text: 'why' }]).quarantined).toBe('why');
    expect(changed([{ type: 'quarantine', text: 'x'.repeat(200) }]).quarantined).toHaveLength(100);
  });
});
