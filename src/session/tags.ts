import { ALL_STAGES } from './stage.js';

/** What a filter needs of the negotiation: sets of stages (bits of `BIT`) and of rights (bits of `SMFIF`). */
export interface Tags {
  /** Stages that it may decide: the MTA has to wait for an answer. */
  readonly decides: number;
  /** Stages that it looks at, without an answer of its own. */
  readonly observes: number;
  /** Rights that it cannot do without. */
  readonly requires: number;
}

/** What the identity filter needs. */
export const NO_TAGS: Tags = Object.freeze({ decides: 0, observes: 0, requires: 0 });

/** What has to be assumed of an operator that says nothing of itself. */
export const EVERYTHING: Tags = Object.freeze({ decides: ALL_STAGES, observes: 0, requires: 0 });

/** What several filters in a row need together. */
export function uniteTags(all: readonly Tags[]): Tags {
  return all.reduce(
    (left, right) => ({
      decides: left.decides | right.decides,
      observes: left.observes | right.observes,
      requires: left.requires | right.requires,
    }),
    NO_TAGS,
  );
}
