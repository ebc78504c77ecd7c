import fc from 'fast-check';
import {
  addHeader,
  addRecipient,
  changeHeader,
  deleteHeader,
  insertHeader,
  quarantine,
  type Modification,
  type HeaderField,
} from 'rxmilter';
import type { MtaKind } from 'rxmilter/mta';
import { describe, expect, it } from 'vitest';

import { applyHeaderChanges } from '../../src/message/edit/apply-header-changes.js';
import { headerField } from '../../src/message/headers/header-field.js';
import { header, value, type Field } from './support/header-edits.js';
import { through, withOwn } from './support/through.js';

const SHOWN = [
  headerField('X-A', '1', false),
  headerField('Subject', 'Hi', false),
  headerField('x-a', '2', false),
];

function applied(mta: MtaKind | 'unknown', ...modifications: Modification[]): string[] {
  return applyHeaderChanges(SHOWN, modifications, { mta, leadingSpace: false }).map(
    (field) => `${field.name}: ${field.value}`,
  );
}

/** Names that only insertions at a place have, so that they do not meet with deletions, which would have to go first. */
const placedName = fc.constantFrom('X-New', 'X-Other');
const name = fc.constantFrom('X-A', 'x-a', 'X-B', 'Subject', 'Received', 'X-None');
const number = fc.integer({ min: 1, max: 5 });
const position = fc.oneof(
  fc.constantFrom('top' as const, 'bottom' as const),
  fc.integer({ min: 1, max: 15 }),
);
const text = fc.oneof({ weight: 5, arbitrary: value }, fc.constant(''));
const change = fc.tuple(name, value, number).map(([of, to, n]) => changeHeader(of, to, n));
const other: fc.Arbitrary<Modification> = fc.oneof(
  fc.tuple(fc.oneof(name, placedName), text).map(([of, to]) => addHeader(of, to)),
  fc.tuple(position, placedName, text).map(([at, of, to]) => insertHeader(at, of, to)),
  fc.tuple(name, number).map(([of, n]) => deleteHeader(of, n)),
  fc.tuple(name, number).map(([of, n]) => changeHeader(of, '', n)),
);

describe('modifications of a header, applied', () => {
  it.each<[string, Modification[], string[]]>([
    ['none', [], ['X-A: 1', 'Subject: Hi', 'x-a: 2']],
    [
      'numbers that count the header as it was shown, in any order',
      [deleteHeader('x-a', 1), deleteHeader('X-A', 2)],
      ['Subject: Hi'],
    ],
    [
      'a deletion that is there twice',
      [deleteHeader('X-A', 1), deleteHeader('X-A', 1)],
      ['Subject: Hi', 'x-a: 2'],
    ],
    [
      'a header that is changed and deleted',
      [deleteHeader('X-A'), changeHeader('X-A', 'new')],
      ['Subject: Hi', 'x-a: 2'],
    ],
    ['an empty value', [changeHeader('X-A', '', 2)], ['X-A: 1', 'Subject: Hi']],
    [
      'a new header above one of its name that is deleted',
      [insertHeader(2, 'X-A', 'new'), deleteHeader('X-A', 1)],
      ['X-A: new', 'Subject: Hi', 'x-a: 2'],
    ],
    [
      'several at one place and at the top',
      [
        insertHeader(2, 'N', '1'),
        insertHeader('top', 'T', '1'),
        insertHeader(2, 'N', '2'),
        insertHeader('top', 'T', '2'),
      ],
      ['T: 2', 'T: 1', 'X-A: 1', 'N: 1', 'N: 2', 'Subject: Hi', 'x-a: 2'],
    ],
    [
      'what is no change of a header',
      [addRecipient('a@b.example'), quarantine('why')],
      ['X-A: 1', 'Subject: Hi', 'x-a: 2'],
    ],
  ])('make the same of it whatever the MTA: %s', (_what, modifications, expected) => {
    for (const mta of ['postfix', 'sendmail', 'unknown'] as const) {
      expect(applied(mta, ...modifications)).toEqual(expected);
    }
  });

  it('spell a name as the filter does in Postfix, and as it was in Sendmail', () => {
    expect(applied('postfix', changeHeader('SUBJECT', 'new'))[1]).toBe('SUBJECT: new');
    expect(applied('sendmail', changeHeader('SUBJECT', 'new'))[1]).toBe('Subject: new');
  });

  it.each(['postfix', 'sendmail', 'unknown'] as const)(
    'add what is changed and is not there, in its turn among what is added: %s',
    (mta) => {
      const shown = ['X-A: 1', 'Subject: Hi', 'x-a: 2'];
      const [a, b] = [addHeader('X-Before', 'a'), addHeader('X-After', 'b')];
      expect(applied(mta, changeHeader('x-a', 'new', 3))).toEqual([...shown, 'x-a: new']);
      expect(applied(mta, a, changeHeader('X-New', 'new'), b)).toEqual([
        ...shown,
        'X-Before: a',
        'X-New: new',
        'X-After: b',
      ]);
      expect(applied(mta, changeHeader('X-New', '1'), a, changeHeader('x-new', '2'))).toEqual([
        ...shown,
        'x-new: 2',
        'X-Before: a',
      ]);
      expect(applied(mta, changeHeader('X-New', '4', 4), a, changeHeader('x-new', '3', 3))).toEqual([
        ...shown,
        'x-new: 3',
        'X-Before: a',
        'X-New: 4',
      ]);
      expect(applied(mta, changeHeader('X-New', '1'), deleteHeader('x-new'))).toEqual(shown);
      expect(applied(mta, deleteHeader('X-New'), changeHeader('X-New', '1'))).toEqual([...shown, 'X-New: 1']);
    },
  );

  it.each<MtaKind>(['postfix', 'sendmail'])(
    'are made once where two filters ask for the same deletion: %s',
    async (mta) => {
      const original: Field[] = [...SHOWN, ...SHOWN].map(({ name: of, raw }) => [of, raw]);
      const delivered = await through(mta, original, false, () => [
        deleteHeader('X-A', 2),
        deleteHeader('x-a', 2),
      ]);
      expect(delivered.filter((line) => /^x-a:/i.test(line))).toEqual(['X-A: 1', 'X-A: 1', 'x-a: 2']);
    },
  );

  it('leave the fields alone that they were given', () => {
    const before = SHOWN.map((field) => ({ ...field }));
    applied('postfix', deleteHeader('X-A'), changeHeader('Subject', 'new'), insertHeader(1, 'N', '1'));
    expect(SHOWN).toEqual(before);
  });

  it('are mended where a value is malformed, and refused where a name is', () => {
    const bad: Modification = { kind: 'addHeader', name: 'X', value: 'a\nBcc: all' };
    expect(applied('postfix', bad).at(-1)).toBe('X: a Bcc: all');
    expect(() => applied('postfix', { ...bad, name: 'X:' })).toThrow(/is not a header name/);
  });

  describe.each<MtaKind>(['postfix', 'sendmail'])('make what %s makes of them', (mta) => {
    it('however many there are', async () => {
      const modifications = fc.array(fc.oneof(change, other), { maxLength: 8 });
      await fc.assert(
        fc.asyncProperty(header, modifications, fc.boolean(), async (original, wanted, leadingSpace) => {
          let made: HeaderField[] = [];
          const delivered = await through(mta, original, leadingSpace, (shown) => {
            made = applyHeaderChanges(shown, wanted, { mta, leadingSpace });
            return wanted;
          });
          expect(delivered).toEqual(withOwn(made, leadingSpace));
        }),
        { numRuns: 400 },
      );
    });

    it('also when values are changed and added by a change', async () => {
      const modifications = fc.array(change, { maxLength: 1 });
      await fc.assert(
        fc.asyncProperty(header, modifications, async (original, wanted) => {
          let made: HeaderField[] = [];
          const delivered = await through(mta, original, false, (shown) => {
            made = applyHeaderChanges(shown, wanted, { mta, leadingSpace: false });
            return wanted;
          });
          expect(delivered).toEqual(withOwn(made, false));
        }),
        { numRuns: 200 },
      );
    });
  });
});
