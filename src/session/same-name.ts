import type { Modification } from './modifications.js';

/** How many headers of its own name a new header has among those that the filter was shown. */
export interface SameName {
  /** Those above its place. */
  readonly above: number;
  /** All of them. */
  readonly shown: number;
}

/**
 * What is known of new headers that were made by comparing two headers as wholes. Of one that was asked for by hand
 * nothing is known, since a filter need not have looked at the headers at all.
 *
 * It stands beside the modifications, so that these stay plain objects that are equal when they say the same.
 */
export const SAME_NAME = new WeakMap<Modification, SameName>();
