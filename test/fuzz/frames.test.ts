import fc from 'fast-check';
import { ProtocolError } from 'rxmilter';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { commandCodec } from '../../src/transport/wire/commands.js';
import { FrameReader } from '../../src/transport/wire/frame-reader.js';
import { optneg } from '../support/session-frames.js';
import { lend, Link } from '../support/session-link.js';
import { anyStream, type Stream } from './support/any-bytes.js';
import { TIMEOUTS } from './support/any-case.js';
import { anyFilter, type FilterPlan } from './support/any-filter.js';
import { Bench } from './support/bench.js';
import { decodeReply } from './support/decode-reply.js';
import { FUZZ_TIMEOUT, fuzz } from './support/fuzz.js';
import { macrotask, withoutLooseEnds } from './support/loose-ends.js';
import { NR } from './support/mta-command.js';
import { splitFrames } from './support/split-frames.js';

const ASKING = 'CHMRTLNBEU';

/** What the reader makes of that, part by part put together again, and how it ended. */
function read(chunks: readonly Buffer[]): { frames: string[]; end: string } {
  const frames: string[] = [];
  let parts: Buffer[] = [];
  const reader = new FrameReader(
    {
      frame: (letter, data, start, end) => {
        const text = String.fromCharCode(letter);
        frames.push(text + data.toString('latin1', start, end));
        // Whatever its data is, it has a meaning or an error of ours.
        if (text !== 'B') decoded(letter, data, start, end);
      },
      part: (data, start, end, last) => {
        parts.push(Buffer.from(data.subarray(start, end)));
        if (!last) return;
        frames.push(`B${Buffer.concat(parts).toString('latin1')}`);
        parts = [];
      },
    },
    commandCodec.known,
    65_535,
    'B',
  );
  try {
    for (const chunk of chunks) reader.push(chunk);
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    return { frames, end: 'broken' };
  }
  return { frames, end: reader.midFrame ? 'cut' : 'whole' };
}

function decoded(letter: number, data: Buffer, start: number, end: number): void {
  try {
    commandCodec.decode(letter, data, start, end);
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
  }
}

describe('FrameReader and codec', () => {
  it('read from any bytes, in any pieces, the frames that are there', { timeout: FUZZ_TIMEOUT }, () =>
    fuzz(3000, anyStream, ({ bytes, chunks }) => {
      const { frames, end } = splitFrames(bytes);
      const expected = { frames: frames.map(({ letter, data }) => letter + data.toString('latin1')), end };
      expect(read(chunks)).toEqual(expected);
      expect(read([bytes])).toEqual(expected);
    }),
  );

  it('keep no more than twice what has arrived, whatever is announced', { timeout: FUZZ_TIMEOUT }, () =>
    fuzz(500, anyStream, ({ chunks }) => {
      const makers = [
        vi.spyOn(Buffer, 'allocUnsafeSlow'),
        vi.spyOn(Buffer, 'alloc'),
        vi.spyOn(Buffer, 'allocUnsafe'),
      ];
      const ignore = { frame: () => undefined, part: () => undefined };
      const reader = new FrameReader(ignore, commandCodec.known, 65_535, 'B');
      let arrived = 0;
      try {
        for (const chunk of chunks) {
          arrived += chunk.length;
          reader.push(chunk);
          const sizes = makers.flatMap(({ mock }) => mock.calls.map(([size]) => size));
          for (const size of sizes) expect(size).toBeLessThanOrEqual(Math.max(256, 2 * arrived));
        }
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
      } finally {
        for (const maker of makers) maker.mockRestore();
      }
    }),
  );
});

describe('A session that is sent any bytes', () => {
  beforeEach(() => {
    // Where nobody is left to be told, a teardown that throws is a warning.
    vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    vi.useFakeTimers({
      toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
    });
  });
  afterEach(() => {
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  /** Sends it after a negotiation, waits for all that there may be, and counts. */
  async function session(filter: FilterPlan, stream: Stream, quiet: number): Promise<void> {
    const bench = new Bench();
    const link = new Link(filter.make(bench), {
      timeouts: TIMEOUTS,
      negotiate: (_offer, derived) => ({ ...derived, protocol: quiet, macros: {} }),
    });
    try {
      link.send(optneg(6, 0x1ff, 0x1fffff));
      if (link.io.writes.length === 0) vi.advanceTimersByTime(0);
      if (link.io.state !== 'open') return;
      const answer = link.heard();
      expect(answer).toHaveLength(1);
      const actions = Buffer.from(answer[0] ?? '', 'hex').readUInt32BE(9);
      for (const chunk of stream.chunks) lend(link.connection, chunk);
      // The longest that any of them may take.
      await macrotask();
      const { frames, end } = splitFrames(stream.bytes);
      for (const frame of frames) {
        if (frame.letter === 'E') vi.advanceTimersByTime(TIMEOUTS.eom);
        else vi.advanceTimersByTime(TIMEOUTS.reply);
        await macrotask();
      }
      const replies = link.heard().map((hex) => decodeReply(Buffer.from(hex, 'hex'), actions));
      const finals = replies.filter(({ kind }) => kind === 'final').length;
      const asked = frames.filter(
        ({ letter }) => ASKING.includes(letter) && ((NR[letter] ?? 0) & quiet) === 0,
      ).length;
      expect(finals).toBeLessThanOrEqual(asked);
      const broken = link.errors.filter((error) => error instanceof ProtocolError);
      expect(broken.length).toBeLessThanOrEqual(1);
      if (end === 'broken' || broken.length === 1) expect(link.io.state).toBe('ended');
      const cancelled = frames.some(({ letter }) => 'AQK'.includes(letter));
      const { state } = link.io as { state: string };
      if (state === 'open' && !cancelled) expect(finals).toBe(asked);
      else if (state === 'ended' && !cancelled) expect(broken.length === 1 || filter.breaks).toBe(true);
    } finally {
      bench.quiet = true;
      link.connection.destroy();
      bench.release();
      await macrotask();
    }
    expect(bench.held).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  }

  it('answers what it can read, and is closed at what it cannot', { timeout: FUZZ_TIMEOUT }, () =>
    fuzz(
      700,
      fc.record({ filter: anyFilter, stream: anyStream, quiet: fc.oneof(fc.constant(0), fc.nat(0xfffff)) }),
      ({ filter, stream, quiet }) => withoutLooseEnds(() => session(filter, stream, quiet)),
    ),
  );

  it('is closed at any bytes instead of a negotiation, without an answer', { timeout: FUZZ_TIMEOUT }, () =>
    fuzz(1000, anyStream, ({ bytes, chunks }) => {
      const [first] = splitFrames(bytes).frames;
      fc.pre(first?.letter !== 'O' && bytes.length > 4);
      const link = new Link((source) => source, {});
      try {
        for (const chunk of chunks) lend(link.connection, chunk);
        const { frames, end } = splitFrames(bytes);
        expect(link.heard()).toEqual([]);
        if (frames.length > 0 || end === 'broken') expect(link.io.state).toBe('ended');
      } finally {
        link.connection.destroy();
      }
    }),
  );
});
