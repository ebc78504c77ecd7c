/** A frame, or a part of one, that has to wait for its turn. */
export interface QueuedFrame {
  readonly letter: number;
  readonly data: Buffer;
  readonly start: number;
  readonly end: number;
  readonly offset: number;
  readonly last: boolean;
}

/** The frames that an MTA has sent ahead. Nearly always empty, so it is made when first needed. */
export class FrameQueue {
  #frames: (QueuedFrame | undefined)[] | undefined;
  #next = 0;
  #bytes = 0;

  get length(): number {
    return this.#frames === undefined ? 0 : this.#frames.length - this.#next;
  }

  /** How much is kept, with a fixed amount for each frame however small. */
  get bytes(): number {
    return this.#bytes;
  }

  push(frame: QueuedFrame): void {
    (this.#frames ??= []).push(frame);
    this.#bytes += cost(frame);
  }

  shift(): QueuedFrame | undefined {
    const frames = this.#frames;
    const frame = frames?.[this.#next];
    if (frames === undefined || frame === undefined) {
      this.clear();
      return undefined;
    }
    // The queue of an MTA that waits for nothing may never be empty, and still has to release what was taken.
    frames[this.#next++] = undefined;
    if (this.#next >= 1024) this.#next -= frames.splice(0, this.#next).length;
    this.#bytes -= cost(frame);
    return frame;
  }

  clear(): void {
    this.#frames = undefined;
    this.#next = 0;
    this.#bytes = 0;
  }
}

function cost(frame: QueuedFrame): number {
  return 64 + frame.end - frame.start;
}
