import type { ConnectionIo } from '../../src/session/connection/boundary.js';

/** The other end of a connection, in memory. */
export class MemoryIo implements ConnectionIo {
  /** Each call of `write`. */
  readonly writes: Buffer[] = [];
  /** What `write` returns: whether the peer takes what it is sent. */
  taking = true;
  /** Whether the connection has stopped reading. */
  paused = false;
  state: 'open' | 'ended' | 'destroyed' = 'open';

  write(bytes: Uint8Array): boolean {
    this.writes.push(Buffer.from(bytes));
    return this.taking;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  end(): void {
    this.state = 'ended';
  }

  destroy(): void {
    this.state = 'destroyed';
  }
}
