/** Who reads the pieces of a body. */
export interface ChunkSink {
  /** The piece that was asked for. */
  next(chunk: Uint8Array): void;
  /** There are no more; comes when one was asked for. */
  end(): void;
  /** There will be no more; comes at any time, but not before the first piece was asked for. */
  fail(error: Error): void;
}

/** What a reader has in its hand. */
export interface ChunkFlow {
  /**
   * Asks for one piece more, and thereby says that the last one is taken. The answer may come before this returns. Not
   * to be called again until it has come.
   */
  ask(): void;
  /** Nothing more is wanted, and nothing more comes. May be called at any time, and more than once. */
  stop(): void;
}

/**
 * Begins to read. Nothing comes before it is asked for, an error neither.
 *
 * These are callbacks, and no promises, so that what is there already is read without waiting: a body in memory goes
 * through an Observable in one go, in virtual time, too.
 */
export type OpenChunks = (sink: ChunkSink) => ChunkFlow;
