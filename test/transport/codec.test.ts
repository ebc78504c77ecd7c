import fc from 'fast-check';
import { SMFIF, SMFIP, ProtocolError } from 'rxmilter';
import { describe, expect, it } from 'vitest';

import { codec } from '../../src/transport/wire/codec.js';
import { COMMANDS, type Command, commandCodec } from '../../src/transport/wire/commands.js';
import { REPLIES, type WireReply, replyCodec } from '../../src/transport/wire/replies.js';
import { anyCommand, anyReply } from '../support/any-message.js';
import { cut, readFrames } from '../support/read-frames.js';
import { MALFORMED_VECTORS, hex } from '../support/vectors.js';

/** Decodes a stream of commands or replies; the codec's and the reader's errors come through. */
function decodeAll(chunks: readonly Buffer[], from: 'mta' | 'filter'): { type: string }[] {
  const table = from === 'mta' ? commandCodec : replyCodec;
  return readFrames(chunks, { known: table.known }).map(({ letter, data, offset }) => {
    const bytes = Buffer.from(data, 'latin1');
    return table.decode(letter.charCodeAt(0), bytes, 0, bytes.length, offset);
  });
}

/** What `raw` is decoded to says the same as the text that was encoded, so it is left out of the comparison. */
function withoutRaw(message: { type: string }): object {
  return Object.fromEntries(Object.entries(message).filter(([key]) => key !== 'raw'));
}

function caught(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

interface Side {
  readonly name: string;
  readonly table: { known: Uint8Array; decode: typeof commandCodec.decode | typeof replyCodec.decode };
  readonly encode: (message: { type: string }) => Buffer;
  readonly any: fc.Arbitrary<{ type: string }>;
  readonly from: 'mta' | 'filter';
}

const SIDES: readonly Side[] = [
  {
    name: 'commands',
    table: commandCodec,
    encode: (message) => commandCodec.encode(message as Command),
    any: anyCommand,
    from: 'mta',
  },
  {
    name: 'replies',
    table: replyCodec,
    encode: (message) => replyCodec.encode(message as WireReply),
    any: anyReply,
    from: 'filter',
  },
];

describe.each(SIDES)('the codec of $name', ({ table, encode, any, from }) => {
  it('decodes what it encodes', () => {
    fc.assert(
      fc.property(any, (message) => {
        const bytes = encode(message);
        expect(bytes.readUInt32BE(0)).toBe(bytes.length - 4);
        const decoded = table.decode(bytes[4] ?? 0, bytes, 5, bytes.length);
        expect(withoutRaw(decoded)).toEqual(message);
        expect(encode(decoded).equals(bytes)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('decodes what it encodes, however long', () => {
    const unit = fc.constantFrom('x', 'ü', '€', '😀', 'é\n\t');
    const long = fc
      .tuple(
        unit,
        fc.oneof(fc.integer({ min: 1300, max: 1400 }), fc.integer({ min: 4000, max: 4200 }), fc.nat(15_000)),
      )
      .map(([text, times]) => text.repeat(times));
    fc.assert(
      fc.property(fc.constantFrom('X', 'Überschrift'), long, (name, value) => {
        const message =
          from === 'mta' ? { type: 'header', name, value } : { type: 'changeHeader', index: 3, name, value };
        const bytes = encode(message);
        expect(bytes.readUInt32BE(0)).toBe(bytes.length - 4);
        const decoded = table.decode(bytes[4] ?? 0, bytes, 5, bytes.length);
        expect(withoutRaw(decoded)).toEqual(message);
      }),
      { numRuns: 60 },
    );
  });

  it('gives each frame bytes of its own', () => {
    fc.assert(
      fc.property(any, any, (first, second) => {
        const bytes = encode(first);
        const before = bytes.toString('hex');
        encode(second);
        expect(bytes.toString('hex')).toBe(before);
      }),
    );
  });

  it('decodes any sequence of messages from any split', () => {
    fc.assert(
      fc.property(fc.array(any, { maxLength: 20 }), fc.array(fc.nat()), (messages, places) => {
        const bytes = Buffer.concat(messages.map(encode));
        expect(decodeAll(cut(bytes, places), from).map(withoutRaw)).toEqual(messages);
      }),
    );
  });

  it('throws a ProtocolError and nothing else at random data', () => {
    const letters = fc.constantFrom(
      ...Array.from(table.known.keys()).filter((byte) => table.known[byte] === 1),
    );
    fc.assert(
      fc.property(letters, fc.uint8Array({ maxLength: 64 }), (letter, data) => {
        const error = caught(() => table.decode(letter, Buffer.from(data), 0, data.length, 7));
        if (error === undefined) return;
        expect(error).toBeInstanceOf(ProtocolError);
        expect(error).toMatchObject({ command: String.fromCharCode(letter), offset: 7 });
      }),
      { numRuns: 2000 },
    );
  });

  it('throws a ProtocolError and nothing else at a random stream', () => {
    const letters = Array.from(table.known.keys()).filter((byte) => table.known[byte] === 1);
    const frame = fc
      .tuple(fc.constantFrom(...letters), fc.uint8Array({ maxLength: 30 }), fc.integer({ min: -2, max: 2 }))
      .map(([letter, data, lie]) => {
        const head = Buffer.alloc(5);
        head.writeInt32BE(data.length + 1 + (lie === 0 ? 0 : Math.trunc(lie / 2)));
        head[4] = letter;
        return Buffer.concat([head, data]);
      });
    const noise = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.array(fc.oneof(frame, frame, noise)), fc.array(fc.nat()), (pieces, places) => {
        const error = caught(() => decodeAll(cut(Buffer.concat(pieces), places), from));
        if (error !== undefined) expect(error).toBeInstanceOf(ProtocolError);
      }),
      { numRuns: 1000 },
    );
  });

  it('says which letter it does not know', () => {
    const error = caught(() => table.decode(0x21, Buffer.alloc(0), 0, 0, 12));
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({ command: '!', offset: 12, reason: 'this letter is unknown' });
  });

  it('refuses to encode a frame that there is not', () => {
    expect(() => encode({ type: 'nonsense' })).toThrow(new TypeError('No frame is called "nonsense".'));
  });
});

describe('malformed frames', () => {
  const chunksOf = (bytes: string, zeros = 0): Buffer[] => [hex(bytes), Buffer.alloc(zeros)];

  it.each(MALFORMED_VECTORS)('$id $what', ({ bytes, zeros, from, command, reason }) => {
    const error = caught(() => decodeAll(chunksOf(bytes, zeros), from));
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({ name: 'ProtocolError', command, offset: 0 });
    expect((error as ProtocolError).reason).toMatch(reason);
    expect((error as ProtocolError).message).toMatch(/at byte 0: .* The connection is closed\.$/);
  });

  it.each(MALFORMED_VECTORS)('$id $what, after good frames', ({ bytes, from, command, reason }) => {
    const before =
      from === 'mta' ? commandCodec.encode({ type: 'abort' }) : replyCodec.encode({ type: 'accept' });
    const error = caught(() => decodeAll([before, before, hex(bytes)], from));
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({ command, offset: 10 });
    expect((error as ProtocolError).reason).toMatch(reason);
  });

  it('one byte less than too many is a frame', () => {
    const [body] = decodeAll([hex('00010000 42'), Buffer.alloc(65535, 'x')], 'mta') as Command[];
    expect(body).toMatchObject({ type: 'body' });
    expect(body?.type === 'body' && body.data).toHaveLength(65535);
  });
});

describe('the tables', () => {
  it.each([
    ['commands', COMMANDS],
    ['replies', REPLIES],
  ])('give each of the %s its own letter', (_, table) => {
    const letters = Object.values(table as Record<string, { letter: string }>).map(({ letter }) => letter);
    expect(new Set(letters).size).toBe(letters.length);
  });

  it('know the flags under which an event is not sent, or not replied to', () => {
    const flags = Object.fromEntries(
      Object.entries<{ no: number; nr: number }>(COMMANDS).flatMap(([name, { no, nr }]) =>
        no === 0 && nr === 0 ? [] : [[name, [no, nr]]],
      ),
    );
    expect(flags).toEqual({
      connect: [0x1, 0x1000],
      helo: [0x2, 0x2000],
      mail: [0x4, 0x4000],
      rcpt: [0x8, 0x8000],
      data: [0x200, 0x10000],
      header: [0x20, 0x80],
      eoh: [0x40, 0x40000],
      body: [0x10, 0x80000],
      unknown: [0x100, 0x20000],
    });
  });

  it('know the flags of every version, and the right that a modification needs', () => {
    const all = (flags: Record<string, number>): number =>
      Object.values(flags).reduce((sum, flag) => sum + flag);
    expect([all(SMFIP), SMFIP.SKIP, SMFIP.RCPT_REJ, SMFIP.HDR_LEADSPC]).toEqual([
      0x1fffff, 0x400, 0x800, 0x100000,
    ]);
    expect([all(SMFIF), SMFIF.SETSYMLIST]).toEqual([0x1ff, 0x100]);
    const rights = Object.entries<{ right: number }>(REPLIES).flatMap(([name, { right }]) =>
      right === 0 ? [] : [[name, right]],
    );
    expect(Object.fromEntries(rights)).toEqual({
      addHeader: 0x1,
      insertHeader: 0x1,
      replaceBody: 0x2,
      addRecipient: 0x4,
      deleteRecipient: 0x8,
      changeHeader: 0x10,
      quarantine: 0x20,
      changeSender: 0x40,
      addRecipientPar: 0x80,
    });
  });

  it('know in which version a command came', () => {
    const later = Object.entries<{ version: number }>(COMMANDS).flatMap(([name, { version }]) =>
      version === 2 ? [] : [[name, version]],
    );
    expect(Object.fromEntries(later)).toEqual({ unknown: 3, data: 4, quitNc: 6 });
  });

  it('are what a codec is made of', () => {
    const tiny = codec({ abort: COMMANDS.abort });
    expect(Array.from(tiny.known.keys()).filter((byte) => tiny.known[byte] === 1)).toEqual([0x41]);
    expect(tiny.decode(0x41, Buffer.alloc(0), 0, 0)).toEqual({ type: 'abort' });
    expect(() => tiny.decode(0x42, Buffer.alloc(0), 0, 0)).toThrow(ProtocolError);
  });
});
