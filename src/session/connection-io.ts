/** The bytes' way out of a connection, and the reins of its way in. */
export interface ConnectionIo {
  /** Writes; `false` means that the peer does not take it yet and `drained()` will be called when it has. */
  write(bytes: Uint8Array): boolean;
  /** Stops and goes on reading. */
  pause(): void;
  resume(): void;
  /** Writes what is still to be written, then closes. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
}
