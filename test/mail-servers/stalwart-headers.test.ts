import fc from 'fast-check';
import { onMessage, serve } from 'rxmilter';
import { expect, test, vi } from 'vitest';

import { deliverByStalwart } from './support/stalwart-client.js';

/** One change of a draft, by numbers that are taken modulo what there is. */
type Step =
  | { readonly kind: 'append' | 'prepend'; readonly name: string }
  | { readonly kind: 'set' | 'delete'; readonly at: number }
  | { readonly kind: 'before'; readonly at: number };

const names = fc.constantFrom('A', 'B', 'C');
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom('append' as const, 'prepend' as const), name: names }),
  fc.record({ kind: fc.constantFrom('set' as const, 'delete' as const), at: fc.nat(9) }),
  fc.record({ kind: fc.constant('before' as const), at: fc.nat(9) }),
);

const linesOf = (text: string): string[] =>
  text.startsWith('\r\n') ? [] : text.slice(0, text.indexOf('\r\n\r\n')).split('\r\n');

/** The values of a name, from the top down. */
const valuesOf = (lines: readonly string[], name: string): string[] =>
  lines.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));

test('behind Stalwart, what is delivered has the fields of the draft, and each name in its order', async () => {
  const spy = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  let steps: readonly Step[] = [];
  let wanted: string[] = [];
  const failures: Error[] = [];
  const filter = onMessage({ body: 'none' }, (_message, { draft: { headers } }) => {
    for (const [number, one] of steps.entries()) {
      // Each value is another one, so that it is known which field is which.
      const value = `new-${number}`;
      const fields = headers.fields();
      const field = 'at' in one ? fields[one.at % Math.max(1, fields.length)] : undefined;
      if (one.kind === 'append') headers.append(one.name, value);
      else if (one.kind === 'prepend') headers.prepend(one.name, value);
      else if (field === undefined) continue;
      else if (one.kind === 'delete') headers.delete(field);
      else if (one.kind === 'before') headers.insertBefore(field, field.name, value);
      else {
        const nth = fields.filter(({ name }) => name === field.name).indexOf(field) + 1;
        headers.set(field.name, value, nth);
      }
    }
    wanted = headers.fields().map((field) => `${field.name}: ${field.value}`);
  });
  const server = await serve(filter, {
    listen: 'inet:0@127.0.0.1',
    onError: (error) => void failures.push(error),
  });
  try {
    await fc.assert(
      fc.asyncProperty(
        fc.array(names, { minLength: 1, maxLength: 6 }),
        fc.array(step, { maxLength: 6 }),
        async (fields, given) => {
          steps = given;
          const message = `${fields.map((name, at) => `${name}: ${at}\r\n`).join('')}\r\nHi\r\n`;
          const got = linesOf((await deliverByStalwart(server.address, { message })).message);
          expect(failures).toEqual([]);
          expect([...got].sort()).toEqual([...wanted].sort());
          for (const name of ['A', 'B', 'C']) {
            const values = valuesOf(wanted, name);
            // A new field cannot be put below the last of its name.
            if (values.at(-1)?.startsWith('new') !== true) expect(valuesOf(got, name)).toEqual(values);
          }
        },
      ),
      { numRuns: 150 },
    );
  } finally {
    await server.close();
    spy.mockRestore();
  }
});
