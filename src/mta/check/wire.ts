import type { Duplex } from 'node:stream';
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';

import { FrameReader } from '../../transport/wire/frame-reader.js';
import { ProtocolError } from '../../transport/wire/protocol-error.js';
import type { Fault } from './rules.js';

/** A frame of the milter, unread. */
export interface RawFrame {
  readonly letter: string;
  readonly data: Buffer;
}

/** How bytes go out: each frame by itself, together up to a reply, byte by byte, or with pauses within frames. */
export type Cut = 'whole' | 'joined' | 'bytes' | 'slow';

/** Beyond it a length is nonsense, not a large frame. */
const MOST_DATA = 16 * 1024 * 1024;
const ANY_LETTER = new Uint8Array(256).fill(1);

/** A connection to a milter as bytes: frames go out, what comes in is cut into frames, and the first fault stays. */
export class Wire {
  readonly #stream: Duplex;
  readonly #cut: Cut;
  readonly #slow: number;
  readonly #frames: RawFrame[] = [];
  readonly #reader: FrameReader;
  #held: Buffer[] = [];
  #fault: Fault | undefined;
  #ended = false;
  #wake: () => void = () => undefined;

  /** @param slow the pause of a slow peer, in milliseconds */
  constructor(stream: Duplex, cut: Cut, slow: number) {
    this.#stream = stream;
    this.#cut = cut;
    this.#slow = slow;
    const frame = (letter: number, data: Buffer, start: number, end: number): void => {
      const copy = Buffer.from(data.subarray(start, end));
      this.#frames.push({ letter: String.fromCharCode(letter), data: copy });
    };
    this.#reader = new FrameReader({ frame, part: () => undefined }, ANY_LETTER, MOST_DATA);
    const over = (): void => {
      this.#read('frame-cut', () => this.#reader.end());
      this.#ended = true;
      this.#wake();
    };
    stream
      .on('data', (chunk: Buffer) => this.#read('frame-length', () => this.#reader.push(chunk)))
      .on('drain', () => this.#wake())
      .on('error', over)
      .on('end', over)
      .on('close', over);
  }

  /** Whether the milter has closed its end. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Sends frames; held back until a reply is waited for where frames are joined. */
  async write(frames: readonly Buffer[]): Promise<void> {
    if (this.#cut === 'joined') this.#held.push(...frames);
    else if (this.#cut === 'whole') for (const frame of frames) this.#send(frame);
    else for (const frame of frames) await this.#writeCut(frame);
  }

  /** Sends what is held back; `false` where the milter does not read it in time, in milliseconds. */
  async flush(timeout: number): Promise<boolean> {
    if (this.#held.length > 0) this.#send(Buffer.concat(this.#held));
    this.#held = [];
    return this.#until(() => !this.#stream.writableNeedDrain || this.#ended, timeout);
  }

  /** The next frame, or why there is none: a fault, or nothing within so many milliseconds. */
  async next(timeout: number): Promise<RawFrame | Fault> {
    const isRead = await this.flush(timeout);
    await this.#until(() => this.#frames.length > 0 || this.#fault !== undefined || this.#ended, timeout);
    const frame = this.#frames.shift();
    if (frame !== undefined) return frame;
    if (this.#fault !== undefined) return this.#fault;
    if (this.#ended) return { rule: 'closed', what: 'The milter closed the connection.' };
    if (this.#reader.midFrame) {
      return { rule: 'frame-length', what: 'A frame began, and fewer bytes came than its length says.' };
    }
    const what = isRead ? 'No reply came' : 'The milter did not read what it was sent, and no reply came';
    return { rule: 'missing-reply', what: `${what} within ${timeout / 1000} s.` };
  }

  /** The frames that came without being asked for, after so many milliseconds. */
  async unasked(settle: number): Promise<readonly RawFrame[]> {
    let isLate = settle > 0;
    while (isLate) {
      const due = performance.now() + 1.5 * settle;
      await this.flush(settle);
      await this.#until(() => this.#frames.length > 0 || this.#ended, settle);
      // A timer that fires late says that this process was busy, and not that the milter was silent.
      isLate = performance.now() > due && this.#frames.length === 0 && !this.#ended;
    }
    return this.#frames.splice(0);
  }

  /** Closes this end, and waits at most so many milliseconds for the milter; says whether it has closed its own. */
  async close(timeout: number): Promise<boolean> {
    await this.flush(timeout);
    return this.#until(() => this.#ended, timeout);
  }

  destroy(): void {
    this.#stream.destroy();
  }

  #send(bytes: Buffer): void {
    if (!this.#ended) this.#stream.write(bytes);
  }

  async #writeCut(frame: Buffer): Promise<void> {
    const step = this.#cut === 'slow' ? Math.max(3, Math.ceil(frame.length / 3)) : 1;
    for (let at = 0; at < frame.length; at += step) {
      this.#send(frame.subarray(at, at + step));
      await (this.#cut === 'slow' ? pause(this.#slow) : turn());
    }
  }

  #read(rule: 'frame-cut' | 'frame-length', run: () => void): void {
    if (this.#fault === undefined && !this.#ended) {
      try {
        run();
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        this.#fault = { rule, what: `At byte ${error.offset} of what the milter sent: ${error.reason}.` };
      }
    }
    this.#wake();
  }

  async #until(done: () => boolean, time: number): Promise<boolean> {
    const wait = { late: false };
    const timer = setTimeout(() => {
      wait.late = true;
      this.#wake();
    }, time);
    while (!done() && !wait.late) await new Promise<void>((resolve) => (this.#wake = resolve));
    clearTimeout(timer);
    return done();
  }
}
