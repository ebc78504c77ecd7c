import fc from 'fast-check';
import {
  addHeader,
  changeHeader,
  deleteHeader,
  insertHeader,
  observe,
  compose,
  on,
  replaceBody,
  type Modification,
  type MtaName,
} from 'rxmilter';
import { deliver, type MtaKind } from 'rxmilter/mta';
import { describe, expect, it } from 'vitest';

/** Names that a message may have several times; those that Sendmail makes itself are once in each message. */
const NAMES = ['X-A', 'X-B', 'Subject', 'Received'];
/** Names that only insertions and additions have, so that no deletion moves the place of an insertion. */
const NEW_NAMES = ['X-New', 'X-Other'];
const MADE_BY_SENDMAIL: readonly [string, string][] = [
  ['Date', 'Mon, 01 Jan 2024 00:00:00 +0000'],
  ['From', 'alice@example.com'],
  ['Message-Id', '<1@example.com>'],
];

const value = fc.stringMatching(/^[a-z]{1,5}$/);
const field = fc.tuple(fc.constantFrom(...NAMES), value);
const header = fc
  .tuple(fc.array(field, { maxLength: 8 }), fc.array(fc.nat(20), { minLength: 3, maxLength: 3 }))
  .map(([fields, places]) => {
    const all: [string, string][] = [...fields];
    MADE_BY_SENDMAIL.forEach((one, at) => all.splice((places[at] ?? 0) % (all.length + 1), 0, one));
    return all;
  });

const position = fc.oneof(
  fc.constantFrom('top' as const, 'bottom' as const),
  fc.integer({ min: 1, max: 15 }),
);

/** Edits of such a message, of headers that are there and of some that are not. */
function editsOf(fields: readonly [string, string][]): fc.Arbitrary<Modification[]> {
  const numbered = fields.map(([name], at) => ({
    name,
    n: fields.slice(0, at + 1).filter(([other]) => other === name).length,
  }));
  const there = fc.constantFrom(...numbered);
  const edit = fc.oneof(
    fc.tuple(fc.constantFrom(...NEW_NAMES, ...NAMES), value).map(([name, text]) => addHeader(name, text)),
    fc
      .tuple(position, fc.constantFrom(...NEW_NAMES), value)
      .map(([at, name, text]) => insertHeader(at, name, text)),
    fc.tuple(there, value).map(([{ name, n }, text]) => changeHeader(name, text, n)),
    fc
      .tuple(fc.constantFrom('X-Absent', 'X-None', ...NAMES), fc.integer({ min: 9, max: 12 }), value)
      .map(([name, n, text]) => changeHeader(name, text, n)),
    there.map(({ name, n }) => deleteHeader(name, n)),
    fc.constant(deleteHeader('X-None', 1)),
    value.map((text) => replaceBody(`${text}\r\n`)),
  );
  // Who both deletes and changes a header has decided for neither: the MTAs differ in which of the two wins.
  return fc.uniqueArray(edit, {
    maxLength: 8,
    selector: (one) =>
      one.kind === 'changeHeader' || one.kind === 'deleteHeader'
        ? `${one.name} ${String(one.index)}`
        : one.kind === 'replaceBody'
          ? 'body'
          : Symbol('no other is like it'),
  });
}

describe('modifications of the library', () => {
  it('have the same message for their result in Postfix and Sendmail', { timeout: 60_000 }, async () => {
    const cases = header.chain((fields) =>
      fc.record({ fields: fc.constant(fields), edits: editsOf(fields) }),
    );
    await fc.assert(
      fc.asyncProperty(cases, async ({ fields, edits }) => {
        const [postfix, sendmail] = await Promise.all([through('postfix'), through('sendmail')]);
        expect(sendmail.text).toBe(postfix.text);
        expect([postfix.seen, sendmail.seen]).toEqual(['postfix', 'sendmail']);

        async function through(mta: MtaKind): Promise<{ text: string; seen: MtaName | undefined }> {
          let seen: MtaName | undefined;
          const { message, failure } = await deliver(
            { sender: 'alice@example.com', recipients: ['b@example.org'], headers: fields, body: 'x\n' },
            {
              mta,
              to: compose(
                observe(['header', 'eom'], ({ session }) => void (seen = session.mta)),
                on('eom', () => edits),
              ),
            },
          );
          expect(failure).toBeUndefined();
          const text = message.toString().replace(/^Received: from client.*\r\n(?:\t.*\r\n)*/m, 'OWN\r\n');
          return { text, seen };
        }
      }),
      { numRuns: 300 },
    );
  });
});
