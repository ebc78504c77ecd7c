import fc from 'fast-check';
import { addHeader } from 'rxmilter';
import { describe, expect, it } from 'vitest';

import { placeHeaders } from '../../src/mta/remote/translate.js';
import type { HeaderList } from '../../src/mta/simulate/header-list.js';
import { PostfixHeaderList } from '../../src/mta/simulate/postfix.js';
import { encodeModifications } from '../../src/session/changes/encode-modifications.js';
import { NOTHING_AGREED } from '../../src/session/negotiation/terms.js';
import { POSTFIX } from '../../src/session/profiles/postfix.js';
import { replyCodec } from '../../src/transport/wire/replies.js';

/** A message with this many headers, and the MTA's own above them. */
function message(shown: number): HeaderList {
  const field = (name: string): { name: string; raw: Buffer } => ({ name, raw: Buffer.from(' ') });
  const fields = Array.from({ length: shown }, (_none, at) => field(`H${at + 1}`));
  return new PostfixHeaderList(fields, [field('Received')], false);
}

function names(list: HeaderList): string[] {
  return list.list().map(({ name }) => name);
}

/** What Postfix makes of insertions that come one after the other. */
function asTold(positions: readonly number[], shown: number): string[] {
  const list = message(shown);
  positions.forEach((at, index) => {
    if (at === Infinity) list.add(`N${index}`, Buffer.from('x'));
    else list.insert(at, `N${index}`, Buffer.from('x'));
  });
  return names(list);
}

/** What it makes of them when they have been put in the terms of this library, and been written. */
function asPlaced(positions: readonly number[], shown: number, known: number): string[] {
  const placed = positions.map((at, index) => ({ at, header: addHeader(`N${index}`, 'x') }));
  const agreement = { ...NOTHING_AGREED, actions: 0x1ff, maxData: 65_535, inserts: true };
  const { frames } = encodeModifications(placeHeaders(placed, known), { agreement, profile: POSTFIX });
  const list = message(shown);
  for (const frame of frames) {
    const reply = replyCodec.decode(frame[4] ?? 0, frame, 5, frame.length);
    if (reply.type === 'insertHeader') list.insert(reply.index, reply.name, Buffer.from(reply.value));
    if (reply.type === 'addHeader') list.add(reply.name, Buffer.from(reply.value));
  }
  return names(list);
}

describe('new headers of a milter', () => {
  const position = fc.oneof(fc.nat({ max: 9 }), fc.constantFrom(1000, 0x7ffffffe, 0x7fffffff, Infinity));
  const positions = fc.array(position, { maxLength: 7 });

  it('come to stand where the milter wanted each after those before it', () => {
    fc.assert(
      fc.property(positions, fc.nat({ max: 6 }), (wanted, shown) => {
        expect(asPlaced(wanted, shown, shown)).toEqual(asTold(wanted, shown));
      }),
      { numRuns: 500 },
    );
  });

  it('do so also where the number of headers is unknown, as long as they go between them', () => {
    const within = fc.array(fc.nat({ max: 6 }), { maxLength: 5 });
    fc.assert(
      fc.property(within, (wanted) => {
        expect(asPlaced(wanted, 20, Infinity)).toEqual(asTold(wanted, 20));
      }),
      { numRuns: 300 },
    );
  });

  it.each([[Infinity], [0x7fffffff]])(
    'keep their order at the end where the number is unknown: %d',
    (end) => {
      const wanted = [1, end, end, 2, end];
      expect(asPlaced(wanted, 3, Infinity)).toEqual(asTold(wanted, 3));
    },
  );
});
