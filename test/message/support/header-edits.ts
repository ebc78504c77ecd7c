import fc from 'fast-check';
import type { HeaderField } from 'rxmilter';

import { headerField } from '../../../src/message/headers/header-field.js';

/** A field as a client sends it: its name, and what stands behind the colon and one blank. */
export type Field = readonly [name: string, value: Uint8Array];

/** One edit of a header; places are taken modulo the number of fields. */
export type HeaderEdit =
  | { readonly edit: 'set'; readonly at: number; readonly value: Uint8Array }
  | { readonly edit: 'respell'; readonly at: number }
  | { readonly edit: 'delete'; readonly at: number }
  | { readonly edit: 'move'; readonly at: number; readonly to: number }
  | { readonly edit: 'insert'; readonly at: number; readonly name: string; readonly value: Uint8Array }
  | { readonly edit: 'append' | 'prepend'; readonly name: string; readonly value: Uint8Array };

/** Those that Sendmail makes where they are missing, so that each message has them. */
const MADE: readonly (readonly [readonly string[], string])[] = [
  [['Date', 'DATE'], 'Mon, 01 Jan 2024 00:00:00 +0000'],
  [['From', 'from'], 'Alice <alice@src.example>'],
  [['Message-Id', 'Message-ID'], '<1@src.example>'],
];
const NAMES = ['X-A', 'x-a', 'X-B', 'X-b', 'Subject', 'SUBJECT', 'Received'];
const NEW_NAMES = ['X-New', 'DKIM-Signature', 'Authentication-Results'];

/** Few, so that there are many that are the same. */
const VALUES = [
  '1',
  '2',
  '3',
  'one two',
  'folded\n\tvalue',
  '\n folded at once',
  'Gr\u00fc\u00dfe \u{1f4e8}',
];
const BYTES = [Buffer.from('Gr\xfc\xdfe', 'latin1'), Buffer.from('\xff\xfe', 'latin1')];

export const value: fc.Arbitrary<Uint8Array> = fc.constantFrom(
  ...VALUES.map((text) => Buffer.from(text)),
  ...BYTES,
);
const emptyOrNot = fc.oneof({ weight: 8, arbitrary: value }, fc.constant(Buffer.alloc(0)));
const name = fc.constantFrom(...NAMES);
const place = fc.nat(30);

/** What a client sends: some of few names, and one each of what Sendmail makes. */
export const header: fc.Arbitrary<Field[]> = fc
  .tuple(
    fc.array(fc.tuple(name, emptyOrNot), { maxLength: 9 }),
    fc.array(fc.tuple(place, fc.nat(1)), { minLength: MADE.length, maxLength: MADE.length }),
  )
  .map(([fields, places]) => {
    const all: Field[] = [...fields];
    for (const [at, [names, text]] of MADE.entries()) {
      const [where = 0, spelling = 0] = places[at] ?? [];
      all.splice(where % (all.length + 1), 0, [names[spelling] ?? '', Buffer.from(text)]);
    }
    return all;
  });

const anyName = fc.constantFrom(...NAMES, ...NEW_NAMES);
const edit: fc.Arbitrary<HeaderEdit> = fc.oneof(
  fc.record({ edit: fc.constant('set' as const), at: place, value: emptyOrNot }),
  fc.record({ edit: fc.constant('respell' as const), at: place }),
  fc.record({ edit: fc.constant('delete' as const), at: place }),
  fc.record({ edit: fc.constant('move' as const), at: place, to: place }),
  fc.record({ edit: fc.constant('insert' as const), at: place, name: anyName, value: emptyOrNot }),
  fc.record({
    edit: fc.constantFrom('append' as const, 'prepend' as const),
    name: anyName,
    value: emptyOrNot,
  }),
);
export const headerEdits: fc.Arbitrary<HeaderEdit[]> = fc.array(edit, { maxLength: 8 });

/** The header after all that was done to it. */
export function edited(
  fields: readonly HeaderField[],
  edits: readonly HeaderEdit[],
  leadingSpace: boolean,
): HeaderField[] {
  const draft = [...fields];
  const written = (fieldName: string, bytes: Uint8Array): HeaderField =>
    headerField(fieldName, leadingSpace ? Buffer.concat([Buffer.from(' '), bytes]) : bytes, leadingSpace);
  for (const one of edits) {
    const at = 'at' in one ? one.at % Math.max(draft.length, 1) : 0;
    const old = draft[at];
    switch (one.edit) {
      case 'set':
        if (old !== undefined) draft[at] = { ...old, ...written(old.name, fit(old.name, one.value)) };
        break;
      case 'respell':
        if (old !== undefined) draft[at] = { ...old, name: old.name.toUpperCase() };
        break;
      case 'delete':
        draft.splice(at, 1);
        break;
      case 'move':
        if (old !== undefined) draft.splice(one.to % draft.length, 0, ...draft.splice(at, 1));
        break;
      case 'insert':
        draft.splice(at, 0, written(one.name, one.value));
        break;
      case 'append':
        draft.push(written(one.name, one.value));
        break;
      case 'prepend':
        draft.unshift({ ...written(one.name, one.value), top: true });
        break;
    }
  }
  return draft;
}

/** Addresses have to be some: Sendmail completes them. */
function fit(fieldName: string, bytes: Uint8Array): Uint8Array {
  return fieldName.toLowerCase() === 'from' ? Buffer.from(`Bob <b${bytes.length}@src.example>`) : bytes;
}

/** How many fields go above the MTA's own `Received`: those down to the last that is to. */
export function above(fields: readonly HeaderField[]): number {
  return fields.map(({ top }) => top === true).lastIndexOf(true) + 1;
}
