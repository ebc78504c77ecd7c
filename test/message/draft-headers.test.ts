import fc from 'fast-check';
import { type HeaderField, AnswerError } from 'rxmilter';
import { describe, expect, it } from 'vitest';

import { DraftHeaders } from '../../src/message/edit/draft-headers.js';
import { headerField } from '../../src/message/headers/header-field.js';
import { field } from './support/headers-of.js';

function draftOf(...pairs: readonly (readonly [name: string, value: string])[]): DraftHeaders {
  return new DraftHeaders(
    pairs.map(([name, value]) => field(name, value)),
    false,
  );
}

/** The fields as lines, those above everything marked. */
function linesOf(draft: DraftHeaders): string[] {
  return [...draft].map(({ name, value, top }) => `${top === true ? '^' : ''}${name}:${value}`);
}

/** The field of a name, which has to be there. */
function need(draft: DraftHeaders, name: string, n = 1): HeaderField {
  const found = draft.field(name, n);
  if (found === undefined) throw new Error(`there is no ${name} ${n}`);
  return found;
}

describe('DraftHeaders', () => {
  it('has the same fields until something is another than it was', () => {
    const draft = draftOf(['A', '1'], ['B', '2']);
    const fields = draft.fields();
    draft.set('a', '1');
    draft.delete('C');
    draft.delete('A', 2);
    expect(draft.get('A')).toBe('1');
    expect(draft.fields()).toBe(fields);
    draft.set('A', '2');
    expect(draft.fields()).not.toBe(fields);
  });

  it('shows those who read it what there was, whatever is changed meanwhile', () => {
    const draft = draftOf(['A', '1'], ['A', '2']);
    const [before, seen] = [draft.fields(), []] as [readonly HeaderField[], string[]];
    for (const { value } of draft) {
      seen.push(value);
      draft.append('A', `${value}, again`);
      draft.set('A', 'new', 2);
    }
    expect(seen).toEqual(['1', '2']);
    expect(before.map(({ value }) => value)).toEqual(['1', '2']);
    expect(draft.getAll('A')).toEqual(['1', 'new', '1, again', '2, again']);
  });

  it('takes 40 000 fields one after the other', { timeout: 30_000 }, () => {
    const draft = draftOf(['A', '1']);
    for (let n = 0; n < 40_000; n++) draft.append('X-N', String(n));
    expect(draft).toHaveLength(40_001);
    expect(draft.get('X-N', 40_000)).toBe('39999');
  });

  it('sets the value of the n-th, which keeps its place and the spelling of its name', () => {
    const draft = draftOf(['A', '1'], ['SUBJECT', 'x'], ['B', '2'], ['subject', 'y']);
    expect(draft.set('Subject', 'z', 2)).toBe(draft.field('subject', 2));
    draft.set('Subject', 'w');
    expect(linesOf(draft)).toEqual(['A:1', 'SUBJECT:w', 'B:2', 'subject:z']);
  });

  it('appends what it sets where there are fewer, however many fewer', () => {
    const draft = draftOf(['A', '1'], ['B', '2']);
    const made = draft.set('a', '3', 7);
    expect(linesOf(draft)).toEqual(['A:1', 'B:2', 'a:3']);
    expect(made).toBe(draft.field('A', 2));
  });

  it('keeps a field whose value is set to nothing', () => {
    const draft = draftOf(['A', '1']);
    draft.set('A', '');
    expect(linesOf(draft)).toEqual(['A:']);
    expect(draft.has('A')).toBe(true);
  });

  it('appends below and prepends above everything', () => {
    const draft = draftOf(['A', '1']);
    draft.append('B', '2');
    draft.prepend('C', '3');
    draft.prepend('D', '4');
    expect(linesOf(draft)).toEqual(['^D:4', '^C:3', 'A:1', 'B:2']);
  });

  it('inserts beside a field of its own', () => {
    const draft = draftOf(['A', '1'], ['B', '2']);
    draft.insertBefore(need(draft, 'A'), 'X', '3');
    const made = draft.insertAfter(need(draft, 'A'), 'Y', '4');
    draft.insertAfter(need(draft, 'B'), 'Z', '5');
    expect(linesOf(draft)).toEqual(['X:3', 'A:1', 'Y:4', 'B:2', 'Z:5']);
    expect(draft.field('y')).toBe(made);
  });

  it('has above what belongs above everything only such', () => {
    const draft = draftOf(['A', '1']);
    const upper = draft.prepend('U', '2');
    const lower = draft.insertBefore(need(draft, 'A'), 'L', '3');
    draft.insertBefore(upper, 'X', '4');
    const below = draft.insertAfter(upper, 'Y', '5');
    expect(linesOf(draft)).toEqual(['^X:4', '^U:2', 'Y:5', 'L:3', 'A:1']);
    expect([lower.top, below.top]).toEqual([undefined, undefined]);
    draft.prepend('V', '6');
    draft.insertAfter(need(draft, 'V'), 'W', '7');
    draft.set('V', '8');
    expect(linesOf(draft).slice(0, 3)).toEqual(['^V:8', '^W:7', '^X:4']);
  });

  it('refuses to insert beside a field that it does not have, or not any more', () => {
    const draft = draftOf(['A', '1'], ['B', '2']);
    const old = need(draft, 'A');
    draft.set('A', '3');
    const gone = need(draft, 'B');
    draft.delete('B');
    for (const absent of [old, gone, field('A', '1')]) {
      expect(() => draft.insertBefore(absent, 'X', '1')).toThrow(AnswerError);
      expect(() => draft.insertAfter(absent, 'X', '1')).toThrow(
        /"[AB]" is not in this draft.*look it up again/,
      );
    }
    expect(linesOf(draft)).toEqual(['A:3']);
  });

  it('deletes all of a name, the n-th, or one field, and says how many', () => {
    const draft = draftOf(['A', '1'], ['a', '2'], ['B', '3'], ['A', '4'], ['A', '5']);
    expect(draft.delete('A', 2)).toBe(1);
    expect(linesOf(draft)).toEqual(['A:1', 'B:3', 'A:4', 'A:5']);
    const last = need(draft, 'a', 3);
    expect(draft.delete(last)).toBe(1);
    expect(draft.delete(last)).toBe(0);
    expect(draft.delete('a', 5)).toBe(0);
    expect(draft.delete('a')).toBe(2);
    expect(linesOf(draft)).toEqual(['B:3']);
  });

  it('may be changed while it is gone through', () => {
    const draft = draftOf(['A', '1'], ['B', '2'], ['A', '3']);
    for (const each of draft) {
      if (each.name === 'A') draft.delete(each);
      draft.append('C', each.value);
    }
    expect(linesOf(draft)).toEqual(['B:2', 'C:1', 'C:2', 'C:3']);
  });

  it('leaves the fields that it was made of as they were', () => {
    const fields = [field('A', '1'), field('B', '2')];
    const before = fields.map((each) => ({ ...each }));
    const draft = new DraftHeaders(fields, false);
    draft.set('A', '2');
    draft.delete('B');
    draft.prepend('C', '3');
    expect(fields).toEqual(before);
  });

  it('writes text as UTF-8, and bytes as they are', () => {
    const draft = draftOf();
    expect(Buffer.from(draft.append('A', 'Grüße').raw)).toEqual(Buffer.from('Grüße'));
    const bytes = Buffer.from('Gr\xfc\xdfe', 'latin1');
    expect(draft.append('B', bytes)).toEqual({ name: 'B', value: 'Grüße', raw: bytes });
    expect(draft.append('C', 'a\r\n\tb').value).toBe('a\n\tb');
  });

  it('begins text with the blank after the colon where values have it, but not bytes', () => {
    const draft = new DraftHeaders([headerField('A', 'x', true), headerField('B', ' y', true)], true);
    expect(Buffer.from(draft.set('A', 'x').raw).toString()).toBe(' x');
    expect(draft.get('A')).toBe('x');
    expect(draft.set('B', 'y')).toBe(draft.field('B'));
    expect(Buffer.from(draft.append('C', '').raw).toString()).toBe(' ');
    expect(draft.get('C')).toBe('');
    expect(draft.append('D', Buffer.from('z')).value).toBe('z');
    expect(Buffer.from(draft.setText('E', 'e').raw).toString()).toBe(' e');
  });

  it.each([
    ['set', (draft: DraftHeaders, name: string, value: string) => draft.set(name, value)],
    ['append', (draft: DraftHeaders, name: string, value: string) => draft.append(name, value)],
    ['prepend', (draft: DraftHeaders, name: string, value: string) => draft.prepend(name, value)],
    [
      'insertBefore',
      (draft: DraftHeaders, name: string, value: string) => draft.insertBefore(need(draft, 'A'), name, value),
    ],
    [
      'insertAfter',
      (draft: DraftHeaders, name: string, value: string) => draft.insertAfter(need(draft, 'A'), name, value),
    ],
  ])('refuses at %s what no header may be, says where, and is as it was', (method, write) => {
    const draft = draftOf(['A', '1']);
    expect(() => write(draft, 'A:', 'x')).toThrow(
      new RegExp(`^draft\\.headers\\.${method}: "A:" is not a header name`),
    );
    expect(() => write(draft, 'X', undefined as unknown as string)).toThrow(/neither a string nor bytes/);
    expect(linesOf(draft)).toEqual(['A:1']);
    write(draft, 'X', 'a\nBcc: b');
    write(draft, 'Y', 'c\0');
    expect(
      linesOf(draft)
        .map((line) => line.replace('^', ''))
        .sort(),
    ).toEqual(['A:1', 'X:a Bcc: b', 'Y:c ']);
  });

  it.each([0, -1, 1.5, NaN])('refuses the number %d', (n) => {
    const draft = draftOf(['A', '1']);
    expect(() => draft.set('A', '2', n)).toThrow(/draft\.headers\.set A: the index/);
    expect(() => draft.delete('A', n)).toThrow(/draft\.headers\.delete: the index/);
    expect(() => draft.setText('A', '2', n)).toThrow(AnswerError);
  });

  it('refuses to delete what is no name, so that a slip does not look like a header that is not there', () => {
    expect(() => draftOf().delete('Subject:')).toThrow(AnswerError);
  });
});

/** What a draft should be, as plain data. */
interface Plain {
  readonly name: string;
  readonly value: string;
  readonly top: boolean;
}

const name = fc.constantFrom('A', 'a', 'Ab', 'aB', 'B', 'C');
const value = fc.constantFrom('', 'x', 'y', 'é', 'a\n b');
const nth = fc.integer({ min: 1, max: 4 });
const step = fc.oneof(
  fc.record({ do: fc.constant('set' as const), name, value, nth }),
  fc.record({ do: fc.constantFrom('append' as const, 'prepend' as const), name, value }),
  fc.record({ do: fc.constantFrom('before' as const, 'after' as const), name, value, at: fc.nat(20) }),
  fc.record({ do: fc.constant('delete' as const), name, nth: fc.option(nth) }),
  fc.record({ do: fc.constant('deleteField' as const), at: fc.nat(20) }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function onModel(model: Plain[], change: Step): Plain[] {
  const places = (wanted: string): number[] =>
    model.flatMap((each, index) => (each.name.toUpperCase() === wanted.toUpperCase() ? [index] : []));
  const at = (index: number, made: Omit<Plain, 'top'>): Plain[] => [
    ...model.slice(0, index),
    { ...made, top: model[index]?.top ?? false },
    ...model.slice(index),
  ];
  switch (change.do) {
    case 'set': {
      const place = places(change.name)[change.nth - 1];
      if (place === undefined) return at(model.length, { name: change.name, value: change.value });
      return model.map((each, index) => (index === place ? { ...each, value: change.value } : each));
    }
    case 'append':
      return at(model.length, { name: change.name, value: change.value });
    case 'prepend':
      return [{ name: change.name, value: change.value, top: true }, ...model];
    case 'before':
    case 'after': {
      if (model.length === 0) return model;
      const index = (change.at % model.length) + (change.do === 'after' ? 1 : 0);
      return at(index, { name: change.name, value: change.value });
    }
    case 'delete': {
      const gone =
        change.nth === null ? places(change.name) : places(change.name).slice(change.nth - 1, change.nth);
      return model.filter((_, index) => !gone.includes(index));
    }
    case 'deleteField':
      return model.filter((_, index) => model.length === 0 || index !== change.at % model.length);
  }
}

function onDraft(draft: DraftHeaders, change: Step): void {
  switch (change.do) {
    case 'set':
      return void draft.set(change.name, change.value, change.nth);
    case 'append':
      return void draft.append(change.name, change.value);
    case 'prepend':
      return void draft.prepend(change.name, change.value);
    case 'before':
    case 'after':
    case 'deleteField': {
      const beside = draft.fields()[change.at % Math.max(1, draft.length)];
      if (beside === undefined) return;
      if (change.do === 'deleteField') return void draft.delete(beside);
      const method = change.do === 'before' ? 'insertBefore' : 'insertAfter';
      return void draft[method](beside, change.name, change.value);
    }
    case 'delete':
      return void draft.delete(change.name, change.nth ?? undefined);
  }
}

describe('Random changes to a draft', { timeout: 30_000 }, () => {
  it('do to it what they do to a plain array', () => {
    const start = fc.array(fc.record({ name, value, top: fc.constant(false) }), { maxLength: 6 });
    fc.assert(
      fc.property(start, fc.array(step, { maxLength: 15 }), fc.boolean(), (plain, steps, leadingSpace) => {
        const blank = leadingSpace ? ' ' : '';
        const draft = new DraftHeaders(
          plain.map((each) => headerField(each.name, `${blank}${each.value}`, leadingSpace)),
          leadingSpace,
        );
        const before = draft.fields();
        let model: Plain[] = plain;
        for (const change of steps) {
          onDraft(draft, change);
          model = onModel(model, change);
        }
        const fields = [...draft];
        expect(
          fields.map((each) => ({ name: each.name, value: each.value, top: each.top ?? false })),
        ).toEqual(model);
        expect(fields.map(({ raw }) => Buffer.from(raw).toString())).toEqual(
          model.map((each) => `${blank}${each.value}`),
        );
        if (JSON.stringify(model) !== JSON.stringify(plain)) expect(draft.fields()).not.toBe(before);
      }),
      { numRuns: 500 },
    );
  });
});
