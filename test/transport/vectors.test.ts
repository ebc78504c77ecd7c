import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { commandCodec, type Command } from '../../src/transport/wire/commands.js';
import { replyCodec, type WireReply } from '../../src/transport/wire/replies.js';
import { cut, oneByOne, readFrames } from '../support/read-frames.js';
import {
  COMMAND_VECTORS,
  type CommandVector,
  LOCK_STEP_OPENING_FILTER,
  LOCK_STEP_OPENING_MTA,
  ODD_VECTORS,
  REPLY_VECTORS,
  frames,
  hex,
  latin1,
} from '../support/vectors.js';

type Fields = Command | WireReply;

/** The fields without `raw`, plain, and `raw` beside them as Latin-1. */
function apart(message: Fields): { fields: object; raw: string | undefined } {
  const { raw, ...fields } = message as Fields & { raw?: Uint8Array };
  return { fields, raw: raw && Buffer.from(raw).toString('latin1') };
}

/** The text that `raw` is said to belong to. */
function mainText(fields: Fields): string | undefined {
  if ('text' in fields) return fields.text;
  if ('address' in fields && 'args' in fields) return fields.address;
  if ('host' in fields) return fields.host;
  return 'value' in fields ? fields.value : undefined;
}

function expectDecoded(decoded: Fields, fields: Fields, raw: string | undefined): void {
  const text = mainText(fields);
  const bytes = raw ?? (text === undefined ? undefined : Buffer.from(text).toString('latin1'));
  expect(apart(decoded)).toEqual({ fields, raw: bytes });
}

describe('what an MTA says', () => {
  it.each(COMMAND_VECTORS)('$id $what: its length field', ({ frame, length }) => {
    const bytes = hex(frame);
    expect(bytes.readUInt32BE(0)).toBe(length);
    expect(bytes).toHaveLength(4 + length);
  });

  it.each(COMMAND_VECTORS)('$id $what: decoded', ({ frame, fields, raw }) => {
    const bytes = hex(frame);
    expectDecoded(commandCodec.decode(bytes[4] ?? 0, bytes, 5, bytes.length), fields, raw);
  });

  it.each(COMMAND_VECTORS)('$id $what: decoded in the middle of other bytes', ({ frame, fields, raw }) => {
    const bytes = hex(frame);
    const data = Buffer.concat([latin1('before\0'), bytes.subarray(5), latin1('\0after\0')]);
    expectDecoded(commandCodec.decode(bytes[4] ?? 0, data, 7, 7 + bytes.length - 5), fields, raw);
  });

  it.each(COMMAND_VECTORS)('$id $what: encoded', ({ frame, fields, raw, written }) => {
    const message = { ...(written ?? fields), ...(raw === undefined ? {} : { raw: latin1(raw) }) };
    expect(commandCodec.encode(message as Command).toString('hex')).toBe(hex(frame).toString('hex'));
  });

  it.each(COMMAND_VECTORS.filter(({ written }) => written === undefined))(
    '$id $what: decoded and encoded again',
    ({ frame }) => {
      const bytes = hex(frame);
      const decoded = commandCodec.decode(bytes[4] ?? 0, bytes, 5, bytes.length);
      expect(commandCodec.encode(decoded).equals(bytes)).toBe(true);
    },
  );

  it.each(ODD_VECTORS)('$id $what: understood', ({ bytes, fields }) => {
    const [frame] = readFrames([hex(bytes)], { known: commandCodec.known });
    const data = latin1(frame?.data ?? '');
    const decoded = commandCodec.decode(frame?.letter.charCodeAt(0) ?? 0, data, 0, data.length);
    expect(decoded).toEqual(fields);
    expect(commandCodec.encode(fields).equals(hex(bytes))).toBe(true);
  });
});

describe('what a filter says', () => {
  it.each(REPLY_VECTORS)('$id $what: its length field', ({ frame, length }) => {
    const bytes = hex(frame);
    expect(bytes.readUInt32BE(0)).toBe(length);
    expect(bytes).toHaveLength(4 + length);
  });

  it.each(REPLY_VECTORS)('$id $what: decoded', ({ frame, fields }) => {
    const bytes = hex(frame);
    expectDecoded(replyCodec.decode(bytes[4] ?? 0, bytes, 5, bytes.length), fields, undefined);
  });

  it.each(REPLY_VECTORS)('$id $what: encoded', ({ frame, fields }) => {
    expect(replyCodec.encode(fields).toString('hex')).toBe(hex(frame).toString('hex'));
  });
});

describe.each([
  { who: 'an MTA', known: commandCodec.known, streamed: 'B', vectors: COMMAND_VECTORS },
  { who: 'a filter', known: replyCodec.known, streamed: 'b', vectors: REPLY_VECTORS },
])('all that $who says, in one stream', ({ known, streamed, vectors: each }) => {
  const vectors: readonly Pick<CommandVector, 'id' | 'what' | 'frame' | 'length'>[] = each;
  const stream = Buffer.concat(vectors.map(({ frame }) => hex(frame)));
  let at = 0;
  const expected = vectors.map(({ frame, length }) => {
    const bytes = hex(frame);
    const offset = at;
    at += 4 + length;
    return { letter: bytes.toString('latin1', 4, 5), data: bytes.toString('latin1', 5), offset };
  });
  const joined = expected.map(({ offset, ...frame }) =>
    frame.letter === streamed ? frame : { ...frame, offset },
  );

  it('is read whole', () => {
    expect(readFrames([stream], { known })).toEqual(expected);
    expect(readFrames([stream], { known, streamed })).toEqual(joined);
  });

  it('is read byte by byte', () => {
    expect(readFrames(oneByOne(stream), { known })).toEqual(expected);
    expect(readFrames(oneByOne(stream), { known, streamed })).toEqual(joined);
  });

  it('is read from any split', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(stream.length), { maxLength: 60 }), (places) => {
        const chunks = cut(stream, places);
        expect(readFrames(chunks, { known })).toEqual(expected);
        expect(readFrames(chunks, { known, streamed })).toEqual(joined);
      }),
    );
  });

  it.each(vectors)('$id $what: read from each split in two', ({ frame }) => {
    const bytes = hex(frame);
    const data = bytes.toString('latin1', 5);
    for (let place = 0; place <= bytes.length; place++) {
      const [read, ...more] = readFrames(cut(bytes, [place]), { known });
      expect(read?.data).toBe(data);
      expect(more).toEqual([]);
    }
  });
});

describe('the opening of a session in lock-step', () => {
  it('is the frames of its steps', () => {
    expect(frames('C01', 'C08', 'C03', 'C34', 'C10').equals(LOCK_STEP_OPENING_MTA)).toBe(true);
    expect(frames('R01', 'R03', 'R03').equals(LOCK_STEP_OPENING_FILTER)).toBe(true);
  });
});
