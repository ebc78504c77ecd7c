import fc from 'fast-check';
import { NEVER } from 'rxjs';
import { on, allow } from 'rxmilter';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { frame, optneg } from '../support/session-frames.js';
import { Link } from '../support/session-link.js';
import { FUZZ_TIMEOUT, fuzz } from './support/fuzz.js';

/** What may be kept of one connection, and one read from its socket more. */
const QUEUE = 262_144;
const READ = 65_536;

const flood = fc.record({
  letter: fc.constantFrom('H', 'M', 'R', 'L', 'B', 'T', 'N', 'U', 'E', 'D'),
  size: fc.oneof(fc.nat(40), fc.nat(65_000)),
  chunk: fc.integer({ min: 1000, max: READ }),
});

function framesOf(letter: string, size: number): Buffer {
  const text = 'x'.repeat(size);
  const data =
    { T: '', N: '', E: '', L: `X\0${text}\0`, D: `Ri\0${text}\0`, B: `${text}x` }[letter] ?? `${text}\0`;
  const one = frame(letter, data);
  return Buffer.concat(Array.from({ length: Math.ceil((4 * READ) / one.length) + 1 }, () => one));
}

describe('An MTA that says more than it waits for', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Sends as long as it is read; how many bytes that were. */
  function pour(link: Link, bytes: Buffer, chunk: number): number {
    let sent = 0;
    const reading = (): boolean => !link.io.paused;
    while (reading() && sent < 20 * QUEUE) {
      for (let at = 0; at < bytes.length && reading(); at += chunk) {
        const piece = bytes.subarray(at, at + chunk);
        link.connection.receive(piece);
        sent += piece.length;
      }
    }
    return sent;
  }

  it('is not read any further while the filter thinks', { timeout: FUZZ_TIMEOUT }, () =>
    fuzz(150, flood, ({ letter, size, chunk }) => {
      const link = new Link(on('connect', () => NEVER));
      try {
        link.send(optneg(6, 0x1ff, 0), frame('C', 'localhost\0U'));
        expect(pour(link, framesOf(letter, size), chunk)).toBeLessThanOrEqual(QUEUE + 2 * READ);
        expect(link.io.state).toBe('open');
        // It is, once the filter has had its time.
        vi.advanceTimersByTime(8_000);
        expect(link.io.paused).toBe(false);
      } finally {
        link.connection.destroy();
      }
    }),
  );

  it('is not read any further while it does not take its answers', { timeout: FUZZ_TIMEOUT }, () =>
    fuzz(150, flood, ({ letter, size, chunk }) => {
      fc.pre(letter !== 'D');
      const link = new Link(on(['helo', 'mail', 'header', 'body', 'eom'], () => allow()));
      try {
        link.send(optneg(6, 0x1ff, 0));
        link.io.taking = false;
        const before = link.io.writes.length;
        expect(pour(link, framesOf(letter, size), chunk)).toBeLessThanOrEqual(2 * READ);
        expect(link.io.writes.length - before).toBe(1);
        link.connection.drained();
        expect(link.io.paused).toBe(false);
      } finally {
        link.connection.destroy();
      }
    }),
  );
});
