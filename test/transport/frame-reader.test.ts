import fc from 'fast-check';
import { ProtocolError } from 'rxmilter';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { encodeFrame } from '../../src/transport/wire/codec.js';
import { commandCodec } from '../../src/transport/wire/commands.js';
import { FrameReader, type FrameHandler } from '../../src/transport/wire/frame-reader.js';
import { oneByOne, readFrames } from '../support/read-frames.js';

const { known } = commandCodec;

/** A frame of this letter with so many bytes of data, no two neighbours the same. */
function frame(letter: string, size: number): Buffer {
  return encodeFrame(letter, [Uint8Array.from({ length: size }, (_, at) => at % 251)]);
}

/** Only the first bytes of a frame: its length and its letter. */
function head(letter: string, length: number): Buffer {
  const bytes = Buffer.alloc(5, letter, 'latin1');
  bytes.writeUInt32BE(length);
  return bytes;
}

function handler(over: Partial<FrameHandler> = {}): FrameHandler {
  return { frame: () => undefined, part: () => undefined, ...over };
}

function caught(run: () => void): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** Sees what is allocated and what is copied from here on. */
function meter(): { sizes: () => number[]; copied: () => number } {
  const makers = [
    vi.spyOn(Buffer, 'alloc'),
    vi.spyOn(Buffer, 'allocUnsafe'),
    vi.spyOn(Buffer, 'allocUnsafeSlow'),
  ];
  const copy = vi.spyOn(Buffer.prototype, 'copy');
  const set = vi.spyOn(Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array, 'set');
  return {
    sizes: () => makers.flatMap((maker) => maker.mock.calls.map(([size]) => size)),
    copied: () =>
      sum(copy.mock.results.map(({ value }) => Number(value))) +
      sum(set.mock.calls.map(([from]) => from.length)),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

afterEach(() => vi.restoreAllMocks());

describe('FrameReader', () => {
  it('gives the same frames for any split of any frames', () => {
    const one = fc
      .tuple(fc.constantFrom('B', 'L', 'D', 'T'), fc.uint8Array({ maxLength: 700 }))
      .map(([letter, data]) => encodeFrame(letter, [data]));
    fc.assert(
      fc.property(
        fc.array(one, { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 400 })),
        (all, sizes) => {
          const stream = Buffer.concat(all);
          const chunks: Buffer[] = [];
          for (let at = 0, turn = 0; at < stream.length; turn++) {
            const size = sizes[turn % sizes.length] ?? stream.length;
            chunks.push(stream.subarray(at, at + size));
            at += size;
          }
          expect(readFrames(chunks, { known })).toEqual(readFrames([stream], { known }));
          expect(readFrames([stream], { known })).toHaveLength(all.length);
          const streamed = { known, streamed: 'B' };
          expect(readFrames(chunks, streamed)).toEqual(readFrames([stream], streamed));
        },
      ),
    );
  });

  it('passes on a frame within one chunk where it lies, and copies nothing', () => {
    const chunk = Buffer.concat([frame('H', 30), frame('L', 60_000), frame('A', 0)]);
    const seen: [Buffer, number, number, number][] = [];
    const counts = meter();
    const reader = new FrameReader(
      handler({ frame: (_, data, start, end, offset) => seen.push([data, start, end, offset]) }),
      known,
      65535,
    );
    reader.push(chunk);
    expect(counts.sizes()).toEqual([]);
    expect(counts.copied()).toBe(0);
    expect(seen.map(([, ...place]) => place)).toEqual([
      [5, 35, 0],
      [40, 60_040, 35],
      [60_045, 60_045, 60_040],
    ]);
    for (const [data] of seen) expect(data).toBe(chunk);
  });

  it('passes on data that lies within one chunk without copying it, though its head came before', () => {
    const bytes = frame('L', 5000);
    for (let place = 0; place <= 5; place++) {
      const chunk = Buffer.from(bytes.subarray(place));
      const seen: [Buffer, number, number][] = [];
      const reader = new FrameReader(
        handler({ frame: (_, data, start, end) => seen.push([data, start, end]) }),
        known,
        65535,
      );
      reader.push(bytes.subarray(0, place));
      reader.push(chunk);
      expect(seen).toHaveLength(1);
      expect(seen[0]?.[0]).toBe(chunk);
      expect(seen[0]?.slice(1)).toEqual([5 - place, 5005 - place]);
    }
  });

  it('passes on the parts of a streamed frame as they come, in order, where they lie', () => {
    const bytes = Buffer.concat([frame('H', 3), frame('B', 50_000), frame('B', 0), frame('H', 3)]);
    const chunks = [bytes.subarray(0, 10), bytes.subarray(10, 30_000), bytes.subarray(30_000)].map(
      (chunk) => {
        const alone = Buffer.allocUnsafeSlow(chunk.length);
        chunk.copy(alone);
        return alone;
      },
    );
    const events: string[] = [];
    const parts: Buffer[] = [];
    const counts = meter();
    const reader = new FrameReader(
      {
        frame: (letter) => events.push(String.fromCharCode(letter)),
        part: (data, start, end, last) => {
          events.push(`${end - start}${last ? ' last' : ''}`);
          parts.push(data.subarray(start, end));
        },
      },
      known,
      65535,
      'B',
    );
    for (const chunk of chunks) reader.push(chunk);
    expect(events).toEqual(['H', '29987', '20013 last', '0 last', 'H']);
    expect(sum(counts.sizes())).toBeLessThan(20);
    expect(counts.copied()).toBeLessThan(20);
    const buffers = chunks.map((chunk) => chunk.buffer);
    for (const part of parts) expect(buffers).toContain(part.buffer);
    expect(Buffer.concat(parts).equals(bytes.subarray(13, 50_013))).toBe(true);
  });

  it('copies each byte a constant number of times, however it comes', () => {
    for (const size of [100, 1000, 10_000, 60_000]) {
      const bytes = frame('L', size);
      for (const chunks of [oneByOne(bytes), [bytes.subarray(0, -1), bytes.subarray(-1)]]) {
        const counts = meter();
        let found = 0;
        const reader = new FrameReader(handler({ frame: () => found++ }), known, 65535);
        for (const chunk of chunks) reader.push(chunk);
        expect(found).toBe(1);
        expect(counts.copied()).toBeGreaterThan(size / 2);
        expect(counts.copied()).toBeLessThan(4 * bytes.length);
        expect(sum(counts.sizes())).toBeLessThan(4 * bytes.length + 300);
        vi.restoreAllMocks();
      }
    }
  });

  it('allocates for what has arrived, not for what was announced', () => {
    const reader = new FrameReader(handler(), known, 512 * 1024 * 1024);
    const start = head('L', 512 * 1024 * 1024);
    const bytes = Array.from({ length: 20_000 }, () => Buffer.of(0));
    const maker = vi.spyOn(Buffer, 'allocUnsafeSlow');
    const counts = meter();
    reader.push(start);
    expect(sum(counts.sizes())).toBeLessThanOrEqual(256);
    bytes.forEach((byte, before) => {
      maker.mockClear();
      reader.push(byte);
      for (const [size] of maker.mock.calls)
        expect(size).toBeLessThanOrEqual(Math.max(256, 2 * (before + 1)));
    });
    expect(counts.copied()).toBeLessThan(4 * 20_000);
  });

  it('never holds more than the frame needs', () => {
    const bytes = frame('L', 65_535);
    const reader = new FrameReader(handler(), known, 65_535);
    const counts = meter();
    for (let at = 0; at < bytes.length; at += 1000) reader.push(bytes.subarray(at, at + 1000));
    expect(Math.max(...counts.sizes())).toBe(65_535);
  });

  it('is not disturbed by chunks without bytes', () => {
    const bytes = frame('H', 4);
    const chunks = oneByOne(bytes).flatMap((byte) => [Buffer.alloc(0), byte, Buffer.alloc(0)]);
    expect(readFrames(chunks, { known })).toEqual(readFrames([bytes], { known }));
  });
});

describe('FrameReader refuses', () => {
  const cases = [
    { what: 'a length of 0, at its fourth byte', bytes: '00000000', command: undefined, at: 4 },
    { what: 'a length beyond the limit, at its fourth byte', bytes: '00000102', command: undefined, at: 4 },
    { what: 'a length that would be negative', bytes: '80000000', command: undefined, at: 4 },
    { what: 'an unknown letter, at once', bytes: '000000017a', command: 'z', at: 5 },
    { what: 'a letter of the other side', bytes: '0000000163', command: 'c', at: 5 },
    { what: 'a control character for a letter', bytes: '0000000101', command: '\x01', at: 5 },
  ];

  it.each(cases)('$what', ({ bytes, command, at }) => {
    const before = [frame('H', 2), frame('B', 9)];
    const stream = Buffer.from(bytes, 'hex');
    for (const streamed of ['', 'B']) {
      const reader = new FrameReader(handler(), known, 256, streamed);
      for (const chunk of before) reader.push(chunk);
      for (const byte of oneByOne(stream).slice(0, at - 1)) reader.push(byte);
      const error = caught(() => reader.push(stream.subarray(at - 1)));
      expect(error).toBeInstanceOf(ProtocolError);
      expect(error).toMatchObject({ command, offset: 21 });

      const whole = new FrameReader(handler(), known, 256, streamed);
      const same = caught(() => whole.push(Buffer.concat([...before, stream])));
      expect(same).toEqual(error);
    }
  });

  it('what comes after the good frames of a chunk, having passed those on', () => {
    const seen: number[] = [];
    const reader = new FrameReader(handler({ frame: (letter) => seen.push(letter) }), known, 256);
    expect(() => reader.push(Buffer.concat([frame('H', 2), frame('A', 0), head('L', 0)]))).toThrow(
      ProtocolError,
    );
    expect(seen).toEqual([0x48, 0x41]);
  });

  it('an end within a frame', () => {
    const bytes = Buffer.concat([frame('A', 0), frame('H', 2)]);
    for (let size = 0; size <= bytes.length; size++) {
      const reader = new FrameReader(handler(), known, 256);
      reader.push(bytes.subarray(0, size));
      const whole = size === 0 || size === 5 || size === bytes.length;
      expect(reader.midFrame).toBe(!whole);
      const error = caught(() => reader.end());
      if (whole) expect(error).toBeUndefined();
      else if (size < 5) expect(error).toMatchObject({ command: undefined, offset: 0 });
      else expect(error).toMatchObject({ command: size < 10 ? undefined : 'H', offset: 5 });
    }
  });

  it('more than a limit that was set while reading', () => {
    const bytes = Buffer.concat([frame('H', 10), frame('H', 10)]);
    const reader: FrameReader = new FrameReader(handler({ frame: () => (reader.maxData = 9) }), known, 10);
    expect(caught(() => reader.push(bytes))).toMatchObject({
      offset: 15,
      reason: 'its length is 11, and 10 is the limit',
    });
  });
});
