import fc from 'fast-check';
import {
  addHeader,
  changeHeader,
  deleteHeader,
  insertHeader,
  type Modification,
  type HeaderField,
} from 'rxmilter';
import type { MtaKind } from 'rxmilter/mta';
import { describe, expect, it } from 'vitest';

import { applyHeaderChanges } from '../../src/message/edit/apply-header-changes.js';
import { headerChanges } from '../../src/message/edit/header-changes.js';
import { headerField } from '../../src/message/headers/header-field.js';
import { allHeaders, distancesFrom, longHeader } from './support/all-headers.js';
import { edited, header, headerEdits, type Field, type HeaderEdit } from './support/header-edits.js';
import { through, withOwn } from './support/through.js';

/** Fields, each written as it stands in a message. */
function fields(...lines: string[]): HeaderField[] {
  return lines.map((line) => {
    const [, name = '', value = ''] = /^([^:]*): ?(.*)$/s.exec(line) ?? [];
    return headerField(name, value, false);
  });
}

function top(line: string): HeaderField[] {
  return fields(line).map((field) => ({ ...field, top: true }));
}

const FROM = fields('A: 1', 'X: 1', 'B: 1', 'X: 2', 'C: 1');

describe('the changes from one header to another', () => {
  it.each<[string, HeaderField[], Modification[]]>([
    ['nothing is changed', FROM, []],
    ['a value is', fields('A: 1', 'X: 1', 'B: 1', 'X: new', 'C: 1'), [changeHeader('X', 'new', 2)]],
    ['one of several of a name is gone', fields('A: 1', 'X: 1', 'B: 1', 'C: 1'), [deleteHeader('X', 2)]],
    ['all are gone', [], ['A', 'X', 'B', 'X', 'C'].map((name, at) => deleteHeader(name, at === 3 ? 2 : 1))],
    ['one is at the end', [...FROM, ...fields('X: 3')], [addHeader('X', '3')]],
    ['one is before all others', [...fields('N: 1'), ...FROM], [insertHeader(1, 'N', '1')]],
    [
      'one is in between',
      [...FROM.slice(0, 3), ...fields('N: 1'), ...FROM.slice(3)],
      [insertHeader(4, 'N', '1')],
    ],
    [
      'some are above everything',
      [...top('T: 1'), ...top('T: 2'), ...FROM],
      [insertHeader('top', 'T', '2'), insertHeader('top', 'T', '1')],
    ],
    [
      'one is above one that is above everything',
      [...fields('N: 1'), ...top('T: 1'), ...FROM],
      [insertHeader('top', 'T', '1'), insertHeader('top', 'N', '1')],
    ],
    [
      'one is spelled otherwise',
      [...fields('a: 1'), ...FROM.slice(1)],
      [deleteHeader('A'), insertHeader(1, 'a', '1')],
    ],
    [
      'a value is empty, which would be a deletion',
      [...fields('A:'), ...FROM.slice(1)],
      [deleteHeader('A'), insertHeader(1, 'A', '')],
    ],
    [
      'one has moved up',
      [...FROM.slice(3, 4), ...FROM.slice(0, 3), ...FROM.slice(4)],
      [insertHeader(1, 'X', '2'), deleteHeader('X', 2)],
    ],
  ])('are these where %s', (_what, to, changes) => {
    expect(headerChanges(FROM, to, false)).toEqual(changes);
  });

  it('keep a field rather than change it, where either is one of the fewest', () => {
    expect(headerChanges(fields('X: 1', 'X: 2'), fields('X: 2', 'X: 3'), false)).toEqual([
      deleteHeader('X', 1),
      addHeader('X', '3'),
    ]);
  });

  it('have bytes where a value is no UTF-8, else text', () => {
    const raw = Buffer.from([0xff]);
    const to = [headerField('A', raw, false), headerField('B', Buffer.from('\u00fc'), false)];
    expect(headerChanges([], to, false)).toEqual([addHeader('A', raw), addHeader('B', '\u00fc')]);
  });

  it('count fields of a name in any case, and one field that is there twice as two', () => {
    const [one, other] = fields('x: 1', 'X: 1');
    const from = [one, one, other].flatMap((field) => field ?? []);
    expect(headerChanges(from, from.slice(0, 1), false)).toEqual([
      deleteHeader('x', 2),
      deleteHeader('X', 3),
    ]);
  });

  it('write a value of nothing but the blank after the colon anew, since it may count as empty', () => {
    const from = [headerField('A', ' 1', true)];
    expect(headerChanges(from, [headerField('A', ' ', true)], true)).toEqual([
      deleteHeader('A'),
      addHeader('A', ' '),
    ]);
    expect(headerChanges(from, [headerField('A', '1', true)], true)).toEqual([changeHeader('A', '1')]);
  });

  it('mend a field that cannot be written', () => {
    const to = [{ ...headerField('X', '1', false), raw: Buffer.from('a\r\nBcc: all') }];
    const [change] = headerChanges([], to, false);
    expect(change).toMatchObject({ kind: 'addHeader', name: 'X' });
    expect(String((change as { value?: unknown } | undefined)?.value)).toBe('a Bcc: all');
  });

  it('are the fewest there are, and make the one of the other: all headers of up to three of five fields', () => {
    const all = allHeaders(3);
    for (const start of all) {
      const from = longHeader(start);
      const distances = distancesFrom(start, 3);
      const wrong = all.filter((end) => {
        const to = longHeader(end);
        const changes = headerChanges(from, to, false);
        const made = applyHeaderChanges(from, changes, { mta: 'postfix', leadingSpace: false });
        return changes.length !== distances.get(end) || linesOf(made) !== linesOf(to);
      });
      expect([start, wrong]).toEqual([start, []]);
    }
  });

  it('are the fewest of a few edits in ten thousand fields', () => {
    const from = fields(...Array.from({ length: 10_000 }, (_, at) => `X-${at % 100}: ${at % 1000}`));
    const to = [
      ...fields('N: 1'),
      ...from.slice(2, 5000),
      ...fields('N: 2'),
      ...from.slice(5000, -1),
      ...fields('N: 3', 'N: 4'),
    ];
    expect(headerChanges(from, to, false)).toEqual([
      deleteHeader('X-0'),
      deleteHeader('X-1'),
      insertHeader(1, 'N', '1'),
      insertHeader(5001, 'N', '2'),
      deleteHeader('X-99', 100),
      addHeader('N', '3'),
      addHeader('N', '4'),
    ]);
  });

  it('lead there, if not by the fewest, where two long headers have nothing in common', () => {
    const [from, to] = ['A', 'B'].map((name) =>
      fields(...Array.from({ length: 5000 }, (_, at) => `${name}-${at}: 1`)),
    );
    const changes = headerChanges(from ?? [], to ?? [], false);
    expect(changes).toHaveLength(10_000);
    expect(applyHeaderChanges(from ?? [], changes, { mta: 'sendmail', leadingSpace: false })).toEqual(to);
  });

  describe.each<MtaKind>(['postfix', 'sendmail'])('in %s', (mta) => {
    it.each([false, true])(
      'make the draft of the header that came, whatever they are; leadingSpace: %s',
      async (leadingSpace) => {
        await fc.assert(
          fc.asyncProperty(header, headerEdits, async (original, edits) => {
            let to: HeaderField[] = [];
            const delivered = await through(mta, original, leadingSpace, (from) => {
              to = edited(from, edits, leadingSpace);
              return headerChanges(from, to, leadingSpace);
            });
            expect(delivered).toEqual(withOwn(to, leadingSpace));
          }),
          { numRuns: 300 },
        );
      },
    );

    it.each(['insert', 'append', 'prepend'] as const)(
      'have one Date alone where the client has sent none: %s',
      async (edit) => {
        const original: Field[] = [
          ['From', Buffer.from('alice@src.example')],
          ['X-A', Buffer.from('1')],
        ];
        const date: HeaderEdit = { edit, at: 1, name: 'Date', value: Buffer.from('today') };
        const delivered = await through(mta, original, false, (from) =>
          headerChanges(from, edited(from, [date], false), false),
        );
        expect(delivered.filter((line) => line.startsWith('Date:'))).toEqual(['Date: today']);
      },
    );
  });

  it('can be made after those of earlier filters, whose wishes they then hold', async () => {
    for (const mta of ['postfix', 'sendmail'] as const) {
      await fc.assert(
        fc.asyncProperty(header, headerEdits, headerEdits, async (original, first, second) => {
          let to: HeaderField[] = [];
          const delivered = await through(mta, original, false, (from) => {
            const earlier = headerChanges(from, edited(from, first, false), false);
            to = edited(applyHeaderChanges(from, earlier, { mta, leadingSpace: false }), second, false);
            return headerChanges(from, to, false);
          });
          expect(delivered).toEqual(withOwn(to, false));
        }),
        { numRuns: 150 },
      );
    }
  });
});

function linesOf(header: readonly HeaderField[]): string {
  return header.map(({ name, value }) => `${name}: ${value}`).join('\n');
}
