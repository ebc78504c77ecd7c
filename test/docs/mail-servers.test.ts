import { describe, expect, test } from 'vitest';

import { MADDY } from '../../src/session/profiles/maddy.js';
import { POSTFIX } from '../../src/session/profiles/postfix.js';
import type { KnownProfile } from '../../src/session/profiles/profile.js';
import { SENDMAIL } from '../../src/session/profiles/sendmail.js';
import { STALWART } from '../../src/session/profiles/stalwart.js';
import { SMFIF } from '../../src/transport/wire/flags.js';
import { readPage, tableBelow } from './support/markdown.js';

const PROFILES: readonly (readonly [string, KnownProfile])[] = [
  ['Postfix', POSTFIX],
  ['Sendmail', SENDMAIL],
  ['Stalwart', STALWART],
  ['maddy', MADDY],
];

describe('the page about mail servers', () => {
  const page = readPage('docs/mail-servers.md');
  const rows = new Map(tableBelow('docs/mail-servers.md', 'Mail servers').map((row) => [row.What, row]));

  test.each(PROFILES)('says of %s what its profile does', (name, profile) => {
    const cell = (what: string): string | undefined => rows.get(what)?.[name];
    const { differences } = profile;
    const places =
      profile.adds !== 'at the top' ? 'all' : profile.countsName ? 'the top, or before its name' : 'the top';
    expect(cell('places for a new header')).toBe(places);
    expect(cell('quarantine()')).toBe(
      differences.quarantine === undefined ? 'holds the message' : 'delivers it, with a header',
    );
    expect(cell('discard()')).toBe(differences.discard === undefined ? 'discards the message' : 'defers it');
    expect(cell('a refused recipient')).toBe(
      differences.recipient === undefined ? 'that one' : 'the whole message',
    );
    const text = profile.plainReplies ? 'reaches it, in one line' : 'reaches the client';
    expect(cell('the text of a refusal')).toBe(differences.text === undefined ? text : 'does not reach it');
  });

  test.each(PROFILES)('says of %s what it grants and sends', (name, profile) => {
    const cell = (what: string): string | undefined => rows.get(what)?.[name];
    const { offer, asksFrom, neverSends, showsArguments, idAtMail } = profile;
    const granted = (Object.keys(SMFIF) as (keyof typeof SMFIF)[]).filter(
      (right) => (offer.actions & SMFIF[right]) !== 0,
    );
    const few = granted.join(', ');
    const most = granted.length === 8 ? 'all but SETSYMLIST' : 'all';
    expect(cell('rights that it grants')).toBe(granted.length < 8 ? few : most);
    const can = (...rights: (keyof typeof SMFIF)[]): string =>
      rights.every((right) => granted.includes(right)) ? 'yes' : 'no';
    expect(cell('changes and deletes headers')).toBe(can('CHGHDRS'));
    expect(cell('changes sender, recipients, body')).toBe(can('CHGFROM', 'ADDRCPT', 'DELRCPT', 'CHGBODY'));
    expect(cell('a connection to the filter') === 'for each message').toBe(asksFrom !== 'connect');
    expect(cell('DATA')).toBe(neverSends.includes('data') ? 'no' : 'yes');
    const listed = showsArguments?.join(', ');
    expect(cell('SMTP arguments of MAIL and RCPT')).toBe(listed === '' ? 'none' : (listed ?? 'yes'));
    const hasId = ['mail', 'rcpt'].some((stage) =>
      profile.macrosFor(stage as 'mail' | 'rcpt', new Map())?.includes('i'),
    );
    const from = idAtMail ? 'from mail on' : 'from the first recipient on';
    expect(cell('the queue id')).toBe(hasId ? from : 'none');
  });

  test.each(PROFILES)(
    'lists what %s makes something else of, in the words of the warning',
    (name, { differences }) => {
      const sentences = Object.values(differences);
      const list = sentences.length === 0 ? undefined : `- ${name}: ${sentences.join('; ')}.`;
      if (list === undefined) expect(page).not.toContain(`\n- ${name}: `);
      else expect(page).toContain(`\n${list}\n`);
    },
  );

  test('names every server that a session may name', () => {
    for (const [, { name }] of PROFILES) expect(page).toContain(`\`'${name}'\``);
  });
});
